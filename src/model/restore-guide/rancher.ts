import { type GuidePlace, supervisorFlags, urlOf } from "./place.ts";
import type { GuideSnapshot } from "./snapshot.ts";

/** What differs between k3s and RKE2, whose servers are of one make. */
interface Rancher {
  readonly name: string;
  readonly program: string;
  readonly service: string;
  readonly agent: string;
  readonly dataDir: string;
  readonly config: string;
}

/** From docs.k3s.io and docs.rke2.io, "Backup and Restore". */
export const RANCHER = {
  k3s: {
    name: "k3s",
    program: "k3s",
    service: "k3s",
    agent: "k3s-agent",
    dataDir: "/var/lib/rancher/k3s",
    config: "/etc/rancher/k3s/config.yaml",
  },
  rke2: {
    name: "RKE2",
    program: "rke2",
    service: "rke2-server",
    agent: "rke2-agent",
    dataDir: "/var/lib/rancher/rke2",
    config: "/etc/rancher/rke2/config.yaml",
  },
} as const satisfies Record<string, Rancher>;

/** The sequence for k3s and RKE2, which restore by themselves: straight from the bucket where they can read it. */
export function rancherGuide(rancher: Rancher, snapshot: GuideSnapshot, place: GuidePlace): string {
  const { name, program, service, agent, dataDir } = rancher;
  const direct = place.kind === "s3" && snapshot.encoding.length === 0 && !place.customerKey ? place : undefined;
  return `Restore ${name} from snapshot ${snapshot.name}

  of cluster "${snapshot.cluster}", at revision ${snapshot.revision}, finished ${snapshot.finishedAt}
  taken from etcd ${snapshot.etcdVersion}, stored in ${urlOf(place)}

Have at hand:

  - the server token of that time: ${dataDir}/server/token of a server, or "token" of
    ${rancher.config}. The CA certificates and keys and the encryption configuration are
    in the snapshot, encrypted with it. Without it they cannot be had from there.
  - ${name} of the minor version that was running then, or of a newer one.
  - room for the snapshot and two copies of the database on the disk of ${dataDir}.
${direct ? bucketNeeds(rancher) : fetchNeeds(snapshot, place)}
1. On every server:

     systemctl stop ${service}

2. On the first server, and only there:

${direct ? fromBucket(rancher, { name: snapshot.name, flags: supervisorFlags(direct) }) : fromFile(rancher, snapshot.name)}
   It ends by itself and says that the membership has been reset. The old database is kept as
   ${dataDir}/server/db/etcd-old-TIME.

3. On the first server, without those flags:

     systemctl start ${service}
     ${program === "k3s" ? "k3s kubectl" : `${dataDir}/bin/kubectl --kubeconfig /etc/rancher/rke2/rke2.yaml`} get nodes

4. On every other server, which then joins the first one and takes its data from there:

     rm -rf ${dataDir}/server/db
     systemctl start ${service}

5. ${name} cannot move the revision ahead (etcdutl's --bump-revision --mark-compacted): etcd counts
   on from revision ${snapshot.revision}, and whatever watched it has seen higher ones. Such watches stay
   silent or show what no longer exists. So restart them all, on every agent:

     systemctl restart ${agent}

   and every controller and operator of your own that runs in a pod:

     kubectl -n NAMESPACE rollout restart deployment,statefulset,daemonset

6. The restored etcd is another history, so let the backups go on with it:

     etcd-ark adopt

This sequence was not run on a real ${name}.
`;
}

function bucketNeeds({ name, config }: Rancher): string {
  return `  - keys for the bucket, in the environment and never on the command line, where others see them.

The flags below belong on the command line and never into ${config}: there
${name} would store and prune its own snapshots among these.
`;
}

function fetchNeeds({ encoding }: GuideSnapshot, place: GuidePlace): string {
  const why =
    encoding.length > 0
      ? `it is compressed with ${encoding.join(" and ")}`
      : place.kind === "s3"
        ? "it is encrypted with a customer key"
        : "it is not in a bucket";
  return `  - etcd-ark on the first server, to fetch the snapshot, which cannot be read from where it is: ${why}.
`;
}

function fromBucket({ program }: Rancher, { name, flags }: { name: string; flags: readonly string[] }): string {
  return `     export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...   # and AWS_SESSION_TOKEN, if there is one
${command(program, [`--cluster-reset-restore-path=${name}`, ...flags])}`;
}

function fromFile({ program }: Rancher, name: string): string {
  return `     etcd-ark fetch ${name} --to /root/${name}
${command(program, [`--cluster-reset-restore-path=/root/${name}`, "--etcd-s3=false"])}`;
}

function command(program: string, flags: readonly string[]): string {
  const words = [`${program} server`, "--cluster-reset", ...flags, "--token=TOKEN"];
  return `     ${words.join(" \\\n       ")}\n`;
}
