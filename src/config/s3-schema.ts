import { z } from "zod";
import { choiceField, countField, durationField, secretField, sizeField, switchField, textField } from "./fields.ts";
import { isBucket, isFolder, isHttpUrl, isProxy, optional, trimSlashes } from "./rules.ts";
import { checkKeys, checkObjectLock, checkSse } from "./section-rules.ts";
import { parseSize, size } from "./units.ts";

// AWS, "Amazon S3 multipart upload limits": a part has 5 MiB to 5 GiB, an object up to 10 tags.
const MIN_PART = "5MiB";
const MAX_PART = "5GiB";
const MAX_TAGS = 10;

const partSize = size
  .refine((bytes) => bytes >= (parseSize(MIN_PART) ?? 0), {
    message: `it is less than ${MIN_PART}, the least that S3 takes`,
  })
  .refine((bytes) => bytes <= (parseSize(MAX_PART) ?? 0), {
    message: `it is more than ${MAX_PART}, the most that S3 takes`,
  });

const folder = z
  .string()
  .superRefine((value, context) => {
    const objection = optional(isFolder)(trimSlashes(value));
    if (objection) context.addIssue({ code: "custom", message: objection.message });
  })
  .transform(trimSlashes);

/** The `s3` section. */
export const S3 = z
  .strictObject({
    bucket: textField("The bucket; empty = no S3", optional(isBucket)),
    region: textField("Empty = $AWS_REGION, $AWS_DEFAULT_REGION, the profile's, us-east-1"),
    endpoint: textField(
      "S3-compatible service, https unless the URL says http; empty = $AWS_ENDPOINT_URL_S3, $AWS_ENDPOINT_URL, else AWS",
      optional(isHttpUrl),
    ),
    endpointCA: textField("Certificate authority of the endpoint: a file, or PEM in base64"),
    skipTLSVerify: switchField(false, "Accept any certificate: whoever answers could be anyone"),
    folder: folder.prefault("").meta({ description: "Key prefix, above the cluster's folder" }),
    addressing: choiceField(
      ["auto", "path", "virtual"],
      "Whether the bucket stands in the path or in the host name; auto = virtual on AWS, path elsewhere",
    ),
    checksum: choiceField(
      ["auto", "crc", "md5", "none"],
      "What guards a part besides the signature; auto = what the service really keeps",
    ),
    proxy: textField("URL, or none; empty = $HTTPS_PROXY, $HTTP_PROXY, $NO_PROXY", optional(isProxy)),
    profile: textField("Profile in the shared files; empty = $AWS_PROFILE, else default"),
    credentialsFile: textField("Empty = $AWS_SHARED_CREDENTIALS_FILE, else $HOME/.aws/credentials"),
    accessKeyId: secretField("Better in the credentials file, where it can be rotated"),
    accessKeyIdFile: textField("File with the access key's id"),
    secretAccessKey: secretField("Better in the credentials file, where it can be rotated"),
    secretAccessKeyFile: textField("File with the secret access key"),
    sessionToken: secretField("The session token of temporary credentials"),
    sessionTokenFile: textField("File with the session token"),
    storageClass: textField("As S3 names it, e.g. STANDARD_IA; empty = the bucket's default"),
    sse: z
      .strictObject({
        mode: choiceField(["", "AES256", "aws:kms", "customer"], "Encryption by S3; empty = the bucket's default"),
        kmsKeyId: textField("Key of aws:kms; empty = the account's own"),
        customerKeyFile: textField("File with the 32 bytes of the customer's key, raw or in base64"),
      })
      .superRefine(checkSse)
      .prefault({})
      .meta({ description: "Encryption at rest" }),
    objectLock: z
      .strictObject({
        mode: choiceField(["", "GOVERNANCE", "COMPLIANCE"], "Write once, read many; the bucket must allow it"),
        days: countField(0, "For so many days from the upload on"),
      })
      .superRefine(checkObjectLock)
      .prefault({})
      .meta({ description: "Protection against deletion" }),
    tags: z
      .record(z.string(), z.string())
      .refine((tags) => Object.keys(tags).length <= MAX_TAGS, { message: `there are more than ${MAX_TAGS} tags` })
      .default({})
      .meta({ description: "Tags of each snapshot object" }),
    partSize: partSize.prefault("8MiB").meta({ description: "At least; more when 10,000 parts would not suffice" }),
    concurrency: countField(4, "Parts in flight, and ranges of 8 MiB when a snapshot is read", 1),
    bandwidth: sizeField(0, "Bytes a second, of snapshots read as well; 0 = no cap"),
    stallTimeout: durationField("30s", "Per request, on progress; there is no total time-out", "1s"),
  })
  .superRefine(checkKeys);
