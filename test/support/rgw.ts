import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BucketVersioningStatus, CreateBucketCommand, PutBucketVersioningCommand } from "@aws-sdk/client-s3";
import { fromIni } from "@aws-sdk/credential-provider-ini";
import { type AwsKeys, s3Client } from "./aws.ts";
import { execute } from "./execute.ts";
import { type RgwAccess, startRgwCluster } from "./rgw-cluster.ts";
import { tempDir } from "./temp-dir.ts";

/** Which S3 service to start. Default: RGW of trixie, for the caller alone. */
export interface RgwOptions {
  readonly suite?: "trixie" | "bookworm";
  /** Takes the one that `npm test` started, if any (trixie only): for tests that bring no harm to the service. */
  readonly shared?: boolean;
}

/** A user of the service with its first pair of keys. */
export interface RgwUser extends AwsKeys {
  readonly uid: string;
}

/** How a bucket is made. Object lock brings versioning with it. */
export interface BucketOptions {
  readonly versioning?: boolean;
  readonly objectLock?: boolean;
}

/**
 * A running S3 service. What needs `radosgw-admin` rejects when the service is one of your own; under `npm test`
 * its one user stands in there for those that `createUser` makes.
 */
export interface Rgw extends AsyncDisposable {
  /** Plain http on 127.0.0.1. */
  readonly endpoint: string;
  /** https on localhost, under a certificate of `caFile`. */
  readonly tlsEndpoint: string;
  readonly caFile: string;
  readonly region: string;
  /** Keys of this handle's user. */
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** A role with every right in S3, which this handle's user may assume (STS is at the same endpoint). */
  readonly roleArn: string;
  /** The only key that SSE-KMS knows. */
  readonly kmsKey: string;
  /** Runs radosgw-admin and gives its standard output. */
  admin(...args: readonly string[]): Promise<string>;
  /** Makes a user with a fresh id (that may begin with `name`). */
  createUser(name?: string): Promise<RgwUser>;
  /** Gives a user one more pair of keys. */
  addKey(uid: string): Promise<AwsKeys>;
  /** Revokes a pair: the next request with it is refused. */
  removeKey(accessKeyId: string): Promise<void>;
  suspend(uid: string): Promise<void>;
  enable(uid: string): Promise<void>;
  /** Credentials of a session in the role. The shortest session lasts 2 s. */
  assumeRole(options: { readonly durationSeconds: number }): Promise<AwsKeys>;
  /** Makes a bucket with a fresh name, by default of this handle's user. */
  createBucket(options?: BucketOptions, owner?: AwsKeys): Promise<string>;
}

/** Where `npm test` leaves the service that test files share, as JSON of `RgwAccess`. */
export const sharedRgwVariable = "ETCD_ARK_TEST_SHARED_RGW";

/** Starts an S3 service on 127.0.0.1. Disposal stops it and removes its files, and so does the end of this process. */
export async function startRgw(options: RgwOptions = {}): Promise<Rgw> {
  const own = ownService();
  if (own) return new Service(own, own);
  const shared = process.env[sharedRgwVariable];
  if (options.shared && shared) {
    const access: RgwAccess = JSON.parse(shared);
    return await Service.withUser(access);
  }
  const cluster = await startRgwCluster(options.suite ?? "trixie");
  try {
    return await Service.withUser(cluster.access, cluster);
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

/** A service that somebody else administers. */
export interface OwnService extends RgwAccess {
  /** Whether its one user may stand in for any other: then the tests that tell users apart are left out. */
  readonly oneForAll?: boolean;
}

/** Where `npm test`, which clears the AWS variables, leaves the service that they pointed at, as JSON of `OwnService`. */
export const ownServiceVariable = "ETCD_ARK_TEST_S3_SERVICE";

/** The service that `ETCD_ARK_TEST_S3_ENDPOINT` and the AWS variables point at. */
export function ownService(): OwnService | undefined {
  const known = process.env[ownServiceVariable];
  if (known) return JSON.parse(known);
  const { ETCD_ARK_TEST_S3_ENDPOINT: endpoint, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env;
  if (!endpoint) return undefined;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    throw new Error("ETCD_ARK_TEST_S3_ENDPOINT needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY beside it");
  }
  return {
    endpoint,
    tlsEndpoint: endpoint,
    caFile: process.env["AWS_CA_BUNDLE"] ?? "",
    region: process.env["AWS_REGION"] ?? "us-east-1",
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
  };
}

class Service implements Rgw {
  readonly region: string;
  readonly endpoint: string;
  readonly tlsEndpoint: string;
  readonly caFile: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly #access: OwnService;
  readonly #cluster: AsyncDisposable | undefined;
  #role = "";

  constructor(access: OwnService, keys: AwsKeys, cluster?: AsyncDisposable) {
    this.region = access.region;
    this.endpoint = access.endpoint;
    this.tlsEndpoint = access.tlsEndpoint;
    this.caFile = access.caFile;
    this.accessKeyId = keys.accessKeyId;
    this.secretAccessKey = keys.secretAccessKey;
    this.#access = access;
    this.#cluster = cluster;
  }

  /** Users and roles of one handle are its own, so that test files which share a service cannot disturb each other. */
  static async withUser(access: RgwAccess, cluster?: AsyncDisposable): Promise<Service> {
    const user = await new Service(access, access).createUser("etcd");
    const service = new Service(access, user, cluster);
    await service.#createRole(user.uid);
    return service;
  }

  get roleArn(): string {
    if (!this.#role) throw noAdmin("a role to assume");
    return `arn:aws:iam:::role/${this.#role}`;
  }

  get kmsKey(): string {
    if (!this.#access.adminArgv) throw noAdmin("a KMS key");
    return "testkey-1";
  }

  async admin(...args: readonly string[]): Promise<string> {
    if (!this.#access.adminArgv) throw noAdmin(`radosgw-admin ${args.join(" ")}`);
    return await execute([...this.#access.adminArgv, ...args]);
  }

  async createUser(name = "user"): Promise<RgwUser> {
    const { oneForAll, accessKeyId, secretAccessKey } = this.#access;
    if (oneForAll) return { uid: "", accessKeyId, secretAccessKey };
    const uid = `${name}-${randomBytes(4).toString("hex")}`;
    const keys = freshKeys();
    await this.admin("user", "create", `--uid=${uid}`, `--display-name=${uid}`, ...keyFlags(keys));
    return { uid, ...keys };
  }

  async addKey(uid: string): Promise<AwsKeys> {
    const keys = freshKeys();
    await this.admin("key", "create", `--uid=${uid}`, "--key-type=s3", ...keyFlags(keys));
    return keys;
  }

  async removeKey(accessKeyId: string): Promise<void> {
    await this.admin("key", "rm", "--key-type=s3", `--access-key=${accessKeyId}`);
  }

  async suspend(uid: string): Promise<void> {
    await this.admin("user", "suspend", `--uid=${uid}`);
  }

  async enable(uid: string): Promise<void> {
    await this.admin("user", "enable", `--uid=${uid}`);
  }

  async assumeRole({ durationSeconds }: { readonly durationSeconds: number }): Promise<AwsKeys> {
    await using directory = await tempDir();
    const file = join(directory.path, "credentials");
    const user = `[user]\naws_access_key_id = ${this.accessKeyId}\naws_secret_access_key = ${this.secretAccessKey}\n`;
    const role = `[role]\nrole_arn = ${this.roleArn}\nsource_profile = user\nduration_seconds = ${durationSeconds}\n`;
    await writeFile(file, user + role);
    const paths = { filepath: file, configFilepath: file, profile: "role", ignoreCache: true };
    return await fromIni({ ...paths, clientConfig: { region: this.region, endpoint: this.endpoint } })();
  }

  async createBucket(options: BucketOptions = {}, owner: AwsKeys = this): Promise<string> {
    const Bucket = `ark-${randomBytes(6).toString("hex")}`;
    const client = s3Client(this, owner);
    try {
      await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: options.objectLock ?? false }));
      if (options.versioning) {
        const VersioningConfiguration = { Status: BucketVersioningStatus.Enabled };
        await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
      }
      return Bucket;
    } finally {
      client.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster?.[Symbol.asyncDispose]();
  }

  async #createRole(uid: string): Promise<void> {
    const role = `role-${uid}`;
    const trust = policy({ Principal: { AWS: [`arn:aws:iam:::user/${uid}`] }, Action: ["sts:AssumeRole"] });
    const rights = policy({ Action: ["s3:*"], Resource: "arn:aws:s3:::*" });
    await this.admin("role", "create", `--role-name=${role}`, `--assume-role-policy-doc=${trust}`);
    await this.admin("role-policy", "put", `--role-name=${role}`, "--policy-name=s3", `--policy-doc=${rights}`);
    this.#role = role;
  }
}

function freshKeys(): AwsKeys {
  return {
    accessKeyId: `AK${randomBytes(9).toString("hex").toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString("base64"),
  };
}

function keyFlags({ accessKeyId, secretAccessKey }: AwsKeys): string[] {
  return [`--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`];
}

function policy(statement: object): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", ...statement }] });
}

function noAdmin(what: string): Error {
  return new Error(
    `Cannot offer ${what}: ETCD_ARK_TEST_S3_ENDPOINT names a service that only its owner administers; unset it to test against Ceph RGW`,
  );
}
