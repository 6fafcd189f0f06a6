import { etcdMinor } from "../etcd-version.ts";
import { type GuidePlace, urlOf } from "./place.ts";
import type { GuideSnapshot } from "./snapshot.ts";

/** The sequence for kubeadm, whose etcd is a static pod on each control plane node (kubernetes.io, "Operating etcd clusters"). */
export function kubeadmGuide(snapshot: GuideSnapshot, place: GuidePlace): string {
  const canBump = (etcdMinor(snapshot.etcdVersion)?.minor ?? 0) >= 5;
  return `Restore kubeadm's etcd from snapshot ${snapshot.name}

  of cluster "${snapshot.cluster}", at revision ${snapshot.revision}, finished ${snapshot.finishedAt}
  taken from etcd ${snapshot.etcdVersion}, member "${snapshot.memberName}", stored in ${urlOf(place)}

Have at hand:

  - /etc/kubernetes/pki of that time, which is not in the snapshot: ca.*, sa.*, front-proxy-ca.* and etcd/ca.*.
    Service accounts' tokens are signed with sa.key; with another one none is valid.
  - the encryption configuration, if kube-apiserver has --encryption-provider-config: without its
    keys the encrypted secrets in the snapshot cannot be read.
  - ${canBump ? `etcdutl of ${minorText(snapshot)} or newer` : "etcdctl of 3.4"} on every control plane node.

1. On every control plane node, stop what writes and what serves:

     mkdir -p /etc/kubernetes/stopped
     cd /etc/kubernetes/manifests
     mv kube-apiserver.yaml kube-controller-manager.yaml kube-scheduler.yaml etcd.yaml ../stopped/
     crictl ps     # until it shows neither etcd nor kube-apiserver

2. On every control plane node, the same snapshot (fetched, or copied from another of them), and the old
   data out of the way:

     etcd-ark fetch ${snapshot.name} --to /root/${snapshot.name}
     mv /var/lib/etcd /var/lib/etcd.old

3. On every control plane node, with its own name and address. Name and URLs of all are in
   --initial-cluster, one NODE=https://ADDRESS:2380 for each, separated by commas:

${restoreCommand(snapshot.name, canBump)}
${bumpReason(canBump)}
4. On every control plane node, owner and mode as they were:

     chown -R --reference=/var/lib/etcd.old /var/lib/etcd
     chmod 700 /var/lib/etcd

5. On every control plane node, first etcd, then, when all members are healthy, the rest:

     mv /etc/kubernetes/stopped/etcd.yaml /etc/kubernetes/manifests/
     crictl ps     # until it shows etcd
     mv /etc/kubernetes/stopped/*.yaml /etc/kubernetes/manifests/

6. ${afterwards(canBump)}
7. The restored etcd is another history, so let the backups go on with it:

     etcd-ark adopt

This sequence was not run on a real kubeadm cluster.
`;
}

function minorText({ etcdVersion }: GuideSnapshot): string {
  const version = etcdMinor(etcdVersion);
  return version ? `${version.major}.${version.minor}` : etcdVersion;
}

function restoreCommand(name: string, canBump: boolean): string {
  const words = [
    `${canBump ? "etcdutl" : "ETCDCTL_API=3 etcdctl"} snapshot restore /root/${name}`,
    "--data-dir /var/lib/etcd",
    "--name NODE",
    "--initial-cluster NODE=https://ADDRESS:2380",
    "--initial-advertise-peer-urls https://ADDRESS:2380",
    ...(canBump ? ["--bump-revision 1000000000 --mark-compacted"] : []),
  ];
  return `     ${words.join(" \\\n       ")}\n`;
}

function bumpReason(canBump: boolean): string {
  return canBump
    ? `   The last two options: controllers and kubelets watch from the revision that they have seen last. If etcd
   counted on from the snapshot's, they would wait for it silently, with caches of what no longer exists.
   Moved ahead, and the old revisions marked as compacted, their watches fail and they list everything anew.
`
    : `   etcd 3.4 cannot move the revision ahead (--bump-revision --mark-compacted of 3.5): watches that have seen
   higher revisions stay silent or show what no longer exists, until what watches is restarted (step 6).
`;
}

function afterwards(canBump: boolean): string {
  const kubelets = "     systemctl restart kubelet\n";
  return canBump
    ? `On every node, which is not needed, but shows at once whether it connects:\n\n${kubelets}`
    : `On every node, and then every controller and operator that runs in a pod:\n\n${kubelets}     kubectl -n NAMESPACE rollout restart deployment,statefulset,daemonset\n`;
}
