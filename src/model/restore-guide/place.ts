import { shellWord } from "../shell-word.ts";

/** Where the snapshot lies, as the tools of a distribution have to be told. */
export type GuidePlace =
  | {
      readonly kind: "s3";
      readonly bucket: string;
      /** Of the snapshots, from the bucket on. */
      readonly folder: string;
      readonly region: string;
      /** A URL; empty for AWS. */
      readonly endpoint: string;
      readonly endpointCA: string;
      readonly skipTLSVerify: boolean;
      readonly addressing: "auto" | "path" | "virtual";
      readonly proxy: string;
      /** Encrypted with a key that only etcd-ark sends. */
      readonly customerKey: boolean;
    }
  | { readonly kind: "directory"; readonly url: string };

type S3Place = Extract<GuidePlace, { kind: "s3" }>;

/** The place as a URL. */
export function urlOf(place: GuidePlace): string {
  return place.kind === "s3" ? `s3://${place.bucket}/${place.folder}/` : place.url;
}

/** k3s's and RKE2's flags for a bucket. They take the endpoint as a host, and its scheme as another flag. */
export function supervisorFlags(place: S3Place): string[] {
  const { bucket, folder, region, endpoint, endpointCA, skipTLSVerify, addressing, proxy } = place;
  const isPlain = endpoint.startsWith("http://");
  const lookup = { auto: undefined, path: "path", virtual: "dns" }[addressing];
  const flags = [
    ["bucket", bucket],
    ["folder", folder],
    ["region", region],
    ["endpoint", endpoint.replace(/^https?:\/\//, "").replace(/\/$/, "") || undefined],
    ["endpoint-ca", endpointCA || undefined],
    ["bucket-lookup-type", lookup],
    ["proxy", proxy || undefined],
  ] as const;
  return [
    "--etcd-s3",
    ...flags.flatMap(([name, value]) => (value === undefined ? [] : [`--etcd-s3-${name}=${shellWord(value)}`])),
    ...(isPlain ? ["--etcd-s3-insecure"] : []),
    ...(skipTLSVerify ? ["--etcd-s3-skip-ssl-verify"] : []),
  ];
}
