import { type Tree, valueAt } from "./tree.ts";

export type Preset = "k3s" | "rke2" | "kubeadm";

interface Certificates {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Where each distribution keeps the certificates of its etcd (docs.k3s.io, docs.rke2.io, kubeadm's certs.go). */
const CERTIFICATES: Record<Preset, readonly Certificates[]> = {
  k3s: [certificatesBelow("/var/lib/rancher/k3s/server/tls/etcd", "server-ca", "client")],
  rke2: [certificatesBelow("/var/lib/rancher/rke2/server/tls/etcd", "server-ca", "client")],
  kubeadm: [
    certificatesBelow("/etc/kubernetes/pki/etcd", "ca", "healthcheck-client"),
    certificatesBelow("/etc/kubernetes/pki/etcd", "ca", "server"),
  ],
};

/** The distributions in the order in which they are looked for. */
export const PRESETS: readonly Preset[] = ["k3s", "rke2", "kubeadm"];

/** What a preset sets: the member of this node, with its client certificate. */
export function presetTree(preset: Preset, exists: (path: string) => boolean): Tree {
  const choices = CERTIFICATES[preset];
  const tls = choices.find(({ certFile }) => exists(certFile)) ?? choices[0];
  return { etcd: { preset, endpoints: ["https://127.0.0.1:2379"], tls } };
}

/** The distribution of this node, when nothing says where etcd is and its certificates are there. */
export function detectPreset(tree: Tree, exists: (path: string) => boolean): Preset | undefined {
  const told = [
    ["etcd", "endpoints"],
    ["etcd", "tls"],
    ["etcd", "preset"],
  ].some((path) => valueAt(tree, path) !== undefined);
  if (told) return undefined;
  return PRESETS.find((preset) => CERTIFICATES[preset].some(({ certFile }) => exists(certFile)));
}

function certificatesBelow(directory: string, authority: string, client: string): Certificates {
  return {
    caFile: `${directory}/${authority}.crt`,
    certFile: `${directory}/${client}.crt`,
    keyFile: `${directory}/${client}.key`,
  };
}
