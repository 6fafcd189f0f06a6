import { kubeadmGuide } from "./kubeadm.ts";
import type { GuidePlace } from "./place.ts";
import { RANCHER, rancherGuide } from "./rancher.ts";
import type { GuideSnapshot } from "./snapshot.ts";

/** Whose restore a guide tells. */
export type Distribution = "k3s" | "rke2" | "kubeadm";

export const DISTRIBUTIONS: readonly Distribution[] = ["k3s", "rke2", "kubeadm"];

/** The commands that restore a snapshot on a distribution of Kubernetes, in order, and what has to be at hand. */
export function restoreGuide(distribution: Distribution, snapshot: GuideSnapshot, place: GuidePlace): string {
  switch (distribution) {
    case "k3s":
    case "rke2":
      return rancherGuide(RANCHER[distribution], snapshot, place);
    case "kubeadm":
      return kubeadmGuide(snapshot, place);
  }
}
