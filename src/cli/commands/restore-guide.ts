import { endpointOf, regionOf } from "../../app/s3-place.ts";
import { BackupError } from "../../errors.ts";
import { type Distribution, restoreGuide } from "../../model/restore-guide/guide.ts";
import type { GuidePlace } from "../../model/restore-guide/place.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import { printResult } from "../print-result.ts";
import type { Session } from "../session.ts";
import type { WishedRestore } from "./restore-flags.ts";
import { openSource } from "./restore-source.ts";
import { k3sFolder } from "./save.ts";

/** `restore --for`: what to do on a distribution to restore a snapshot of a store. Touches nothing. */
export async function printGuide(command: WishedRestore, distribution: Distribution): Promise<void> {
  const { common, terminal } = command;
  await using opened = await openSource(command);
  const { source, session } = opened;
  if (source.kind !== "stored" || !session) {
    throw new BackupError("USAGE", `Cannot tell how to restore it on ${distribution}: it has no manifest`, {
      hint: "Give a name of `etcd-ark list`, --latest or --time",
    });
  }
  const { manifest, store } = source.snapshot;
  const text = restoreGuide(distribution, manifest, placeOf(store, session));
  printResult(terminal, { format: common.output, data: { name: manifest.name, distribution, text }, text: () => text });
}

function placeOf(store: ObjectStore, { config, environment }: Session): GuidePlace {
  if (store.kind !== "s3") return { kind: "directory", url: store.url("") };
  const { bucket, endpointCA, skipTLSVerify, addressing, proxy, sse } = config.s3;
  return {
    kind: "s3",
    bucket,
    folder: k3sFolder(config),
    region: regionOf(config.s3, environment),
    endpoint: endpointOf(config.s3, environment),
    endpointCA,
    skipTLSVerify,
    addressing,
    proxy,
    customerKey: sse.mode === "customer",
  };
}
