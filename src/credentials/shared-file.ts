import { devNull } from "node:os";
import { fromIni } from "@aws-sdk/credential-provider-ini";
import { BackupError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Identity } from "../ports/credentials.ts";
import type { ExposureWarning } from "./exposure.ts";
import type { FileText } from "./file-text.ts";
import { parseIni } from "./ini.ts";
import { instanceRoleDisabled } from "./instance.ts";
import { type CredentialsConfig, type Environment, profileName, sharedFilePaths } from "./layers.ts";
import type { Loader, Reading, Urgency } from "./loader.ts";
import { runCredentialProcess } from "./process.ts";
import { type Profile, type ProfileFile, type ProfileFiles, profileRegion, resolveProfile } from "./profile.ts";
import { assumeWithToken } from "./remote.ts";
import { RenewedSet } from "./renewed-set.ts";
import { type StsOptions, sdkFailure, stsOptions, toIdentity } from "./sdk.ts";
import { withSdkPrograms } from "./sdk-programs.ts";
import { type SettledFiles, sameTexts } from "./settled-files.ts";

interface SharedFileOptions {
  readonly config: CredentialsConfig;
  readonly environment: Environment;
  readonly clock: Clock;
  /** The two files, credentials first, of those that have a path. */
  readonly settled: SettledFiles;
  readonly warnExposure: ExposureWarning;
}

/** What a set is got from, and the texts that said so. */
interface Derivation {
  readonly files: readonly FileText[];
  readonly profiles: ProfileFiles;
  readonly profile: Profile;
}

/** A set that was got, and the texts that it belongs to. */
interface Derived {
  readonly files: readonly FileText[];
  readonly set: RenewedSet;
}

/**
 * The layer of the shared files. What they say is validated here first; the SDK is asked only for what is
 * more than reading or running a program: assuming a role.
 */
export class SharedFileLoader implements Loader {
  readonly #options: SharedFileOptions;
  readonly #name: string;
  #derived: Derived | undefined;
  /** The file that the last good set came from. */
  #origin: string | undefined;

  constructor(options: SharedFileOptions) {
    this.#options = options;
    this.#name = profileName(options.config, options.environment);
  }

  async load(urgency: Urgency, signal: AbortSignal): Promise<Reading> {
    const { settled } = this.#options;
    const files = await settled.read(signal);
    const profiles = this.#parse(files);
    const profile = resolveProfile(profiles, this.#name);
    this.#requireSameOrigin(profile);
    this.#warn(files, profile);

    const renewed =
      profile.kind === "static"
        ? { identity: profile.identity }
        : await this.#derivedSet(files, (ended) => this.#derive({ files, profiles, profile }, ended)).get(
            urgency,
            signal,
          );
    this.#origin = profile.path;
    return { ...renewed, layer: "sharedFile", source: profile.path, profile: this.#name };
  }

  #parse(files: readonly FileText[]): ProfileFiles {
    const { config, environment } = this.#options;
    const paths = sharedFilePaths(config, environment);
    const named = Boolean(config.credentialsFile || environment["AWS_SHARED_CREDENTIALS_FILE"]);
    const credentials = profileFile(files, paths.credentials);
    const other = profileFile(files, paths.config);
    if (paths.credentials && !credentials && (named || !other)) {
      throw new BackupError(
        "CREDENTIALS_INVALID",
        `Cannot read credentials file "${paths.credentials}": no such file`,
        {
          hint: "Create it with the section [default], or set s3.credentialsFile; no restart is needed",
        },
      );
    }
    return { credentials, config: other };
  }

  /** A section that vanishes must not step down to what the config file holds under the same name. */
  #requireSameOrigin(profile: Profile): void {
    const { config, environment } = this.#options;
    const path = sharedFilePaths(config, environment).credentials;
    if (this.#origin === undefined || this.#origin !== path || profile.path === path) return;
    throw new BackupError("CREDENTIALS_INVALID", `Cannot find profile "${this.#name}" in "${path}" any more`, {
      hint: `Put it back; to use what "${profile.path}" holds instead, restart`,
    });
  }

  #warn(files: readonly FileText[], profile: Profile): void {
    const { config, environment, warnExposure } = this.#options;
    const secret = sharedFilePaths(config, environment).credentials;
    for (const file of files) {
      if (file.path === secret || (profile.kind === "static" && file.path === profile.path)) warnExposure(file);
    }
  }

  #derivedSet(files: readonly FileText[], fetch: (signal: AbortSignal) => Promise<Identity>): RenewedSet {
    if (!this.#derived || !sameTexts(files, this.#derived.files)) {
      this.#derived = { files, set: new RenewedSet(fetch, this.#options.clock) };
    }
    return this.#derived.set;
  }

  async #derive({ files, profiles, profile }: Derivation, signal: AbortSignal): Promise<Identity> {
    const { config, environment } = this.#options;
    const clientConfig = stsOptions(config, environment, profileRegion(profiles, this.#name));
    if (profile.kind === "webIdentity") return await assumeWithToken(profile, clientConfig);
    if (profile.kind === "role" && profile.credentialSource === "Ec2InstanceMetadata") this.#requireMetadata();
    try {
      const identity =
        profile.kind === "process"
          ? await this.#run(profile.command, signal)
          : toIdentity(await withSdkPrograms(this.#sdkProvider(clientConfig), signal));
      await this.#requireUnchanged(files);
      return identity;
    } catch (error) {
      throw sdkFailure(`profile "${this.#name}" of "${profile.path}"`, error, secretsOf(profiles));
    }
  }

  async #run(command: string, signal: AbortSignal): Promise<Identity> {
    const identity = await runCredentialProcess(command, signal);
    const { expiresAt } = identity;
    if (expiresAt === undefined || expiresAt > this.#options.clock.now()) return identity;
    throw new Error("its credential_process printed credentials that have expired");
  }

  #sdkProvider(clientConfig: StsOptions): ReturnType<typeof fromIni> {
    const { credentials, config } = sharedFilePaths(this.#options.config, this.#options.environment);
    // Without a path the SDK looks below the home directory of the passwd file.
    const paths = { filepath: credentials ?? devNull, configFilepath: config ?? devNull };
    return fromIni({ ...paths, profile: this.#name, ignoreCache: true, clientConfig });
  }

  /** The SDK reads the files by itself, and merges what it finds: what it read must be what was validated. */
  async #requireUnchanged(files: readonly FileText[]): Promise<void> {
    if (sameTexts(files, await this.#options.settled.readOnce())) return;
    throw new BackupError(
      "CREDENTIALS_INVALID",
      `Cannot use profile "${this.#name}": its file changes while it is read`,
      {
        hint: "Write to another file and rename it into place",
      },
    );
  }

  #requireMetadata(): void {
    if (!instanceRoleDisabled(this.#options.environment)) return;
    throw new BackupError(
      "CREDENTIALS_INVALID",
      `Cannot use profile "${this.#name}": credential_source is Ec2InstanceMetadata, and AWS_EC2_METADATA_DISABLED forbids it`,
      { hint: "Unset AWS_EC2_METADATA_DISABLED, or name another source" },
    );
  }
}

/** The file of that path, parsed; `undefined` when there is none. */
export function profileFile(files: readonly FileText[], path: string | undefined): ProfileFile | undefined {
  const file = files.find((candidate) => candidate.path === path);
  if (file?.kind === "unusable") throw file.error;
  return file?.kind === "text" ? { path: file.path, ini: parseIni(file.text) } : undefined;
}

/** What must not appear in an error: every secret of both files, and what commands are given, which may be one. */
function secretsOf({ credentials, config }: ProfileFiles): readonly string[] {
  const entries = [credentials, config].flatMap((file) => file?.ini.sections ?? []).map((section) => section.entries);
  const values = (key: string): readonly string[] => entries.flatMap((section) => section.get(key)?.value ?? []);
  const commands = values("credential_process");
  const words = commands.flatMap((command) => command.split(/[\s=]+/).slice(1));
  return [
    ...["aws_secret_access_key", "aws_session_token", "external_id"].flatMap(values),
    ...commands,
    ...words.map((word) => word.replace(/^["']|["']$/g, "")).filter((word) => word.length >= 8),
  ];
}
