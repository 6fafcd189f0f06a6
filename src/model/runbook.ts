import { layout } from "./layout.ts";

export interface RunbookPlace {
  readonly cluster: string;
  /** URL of the store's folder, with a slash at its end. */
  readonly store: string;
  readonly kind: "s3" | "directory" | "memory";
  /** Suffixes of snapshots that are stored compressed, such as `.zst`; empty when they are raw. */
  readonly suffix: string;
}

/**
 * `RUNBOOK.txt`: what to do when nothing is left but the folder it lies in. It says so for people who have never
 * heard of this program, and needs nothing of it.
 */
export function runbook({ cluster, store, kind, suffix }: RunbookPlace): string {
  const snapshots = `${store}${layout.snapshots(cluster)}`;
  const [list, copy] = kind === "s3" ? ["aws s3 ls", "aws s3 cp"] : ["ls -l", "cp"];
  const place = kind === "s3" ? snapshots : snapshots.replace(/^[a-z]+:\/\//, "");
  return `This folder holds backups of the etcd cluster "${cluster}", written by etcd-ark.

Each file below snapshots/ is one whole backup. The file of the same name below manifests/
says when it was taken, at which revision, and its SHA-256. A snapshot without a manifest
is no backup: do not restore it.

1. Find the newest:

     ${list} ${place} | sort | tail

2. Bring it here (NAME is its file name):

     ${copy} ${place}NAME .
${unpack(suffix)}
3. Check it; a file that is damaged is refused:

     etcdutl snapshot status NAME --write-out=table

4. Restore it. On each member, with etcd stopped and its own name and URLs:

     etcdutl snapshot restore NAME --data-dir /var/lib/etcd-restored \\
       --name MEMBER --initial-cluster MEMBER=https://HOST:2380 \\
       --initial-advertise-peer-urls https://HOST:2380 \\
       --bump-revision 1000000000 --mark-compacted

   The last two options are for Kubernetes: its watches must not see revisions go back.
   etcd 3.4 has no etcdutl and not these options: use \`etcdctl snapshot restore\` there.

   k3s, on the first server, with k3s stopped everywhere and the token of that time:

     k3s server --cluster-reset --cluster-reset-restore-path=/path/to/NAME --token=TOKEN

With etcd-ark at hand, all of it is, with the options of step 4:

     etcd-ark restore --latest --data-dir /var/lib/etcd-restored

and this tells the whole sequence for k3s, rke2 or kubeadm:

     etcd-ark restore --latest --for k3s
`;
}

function unpack(suffix: string): string {
  const tools: Record<string, string> = { ".zst": "zstd -d", ".gz": "gunzip" };
  return suffix ? `     ${tools[suffix] ?? "unpack"} NAME     # it is compressed\n` : "";
}
