import { BackupError, isBackupError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import { exposureWarning } from "./exposure.ts";
import { readFileText } from "./file-text.ts";
import { instanceLoader, instanceRoleDisabled } from "./instance.ts";
import {
  type ConfiguredLayer,
  type CredentialsConfig,
  chooseLayer,
  type Environment,
  profileName,
  sharedFilePaths,
} from "./layers.ts";
import type { Loader, Reading, Urgency, Warn } from "./loader.ts";
import { holdsProfile } from "./profile.ts";
import { containerLoader, webIdentityLoader } from "./remote.ts";
import { SettledFiles } from "./settled-files.ts";
import { profileFile, SharedFileLoader } from "./shared-file.ts";
import { configFilePaths, configLoader, environmentLoader } from "./static-loaders.ts";
import { describeUnused, type UnusedFiles } from "./unused-file.ts";

export interface LatchOptions {
  readonly config: CredentialsConfig;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly warn: Warn;
}

/**
 * Picks the layer as soon as one is configured, and stays with it: a file that vanishes later is an error,
 * never a step down to the machine's role. Until then every load looks again.
 */
export class LatchedLoader implements Loader {
  readonly #options: LatchOptions;
  readonly #settled: SettledFiles;
  readonly #instance: Loader;
  #chosen: Loader | undefined;
  #unused: UnusedFiles | undefined;

  constructor(options: LatchOptions) {
    this.#options = options;
    this.#settled = new SettledFiles(sharedPaths(options), readFileText, options.clock);
    this.#instance = instanceLoader(options.environment, options.clock);
  }

  async load(urgency: Urgency, signal: AbortSignal): Promise<Reading> {
    this.#chosen ??= await this.#choose(signal);
    return await (this.#chosen?.load(urgency, signal) ?? this.#tryInstance(urgency, signal));
  }

  async #choose(signal: AbortSignal): Promise<Loader | undefined> {
    const { config, environment, warn } = this.#options;
    const sharedFilePresent = await this.#sharedFilePresent(signal);
    const { layer, used, ignored } = chooseLayer({ config, environment, sharedFilePresent });
    if (layer !== undefined && ignored.length > 0) {
      warn("several sources of credentials are configured", { used, ignored: ignored.join("; ") });
    }
    return layer && this.#loader(layer);
  }

  /**
   * Also true when the files cannot be read, or are no INI: what they hold is then unknown, and no reason to step down. An
   * empty file is an absent one, once it has settled: until then it may be one that is being written.
   */
  async #sharedFilePresent(signal: AbortSignal): Promise<boolean> {
    const { config, environment } = this.#options;
    const paths = sharedFilePaths(config, environment);
    try {
      const files = await this.#settled.read(signal);
      const profiles = { credentials: profileFile(files, paths.credentials), config: profileFile(files, paths.config) };
      const broken = [profiles.credentials, profiles.config].some((file) => file?.ini.problem);
      const name = profileName(config, environment);
      this.#unused = describeUnused(profiles, name);
      return broken || holdsProfile(profiles, name);
    } catch (error) {
      if (isBackupError(error, "CREDENTIALS_INVALID")) return true;
      throw error;
    }
  }

  #loader(layer: ConfiguredLayer): Loader {
    const { config, environment, clock, warn } = this.#options;
    const warnExposure = exposureWarning(warn);
    switch (layer) {
      case "config":
        return configLoader({ config, clock, warnExposure });
      case "environment":
        return environmentLoader(environment);
      case "sharedFile":
        if (sharedPaths(this.#options).length === 0) throw homeUnset(undefined);
        return new SharedFileLoader({ config, environment, clock, settled: this.#settled, warnExposure });
      case "webIdentity":
        return webIdentityLoader(this.#options);
      case "container":
        return containerLoader(this.#options);
    }
  }

  /** The role counts as configured once the machine has given it. */
  async #tryInstance(urgency: Urgency, signal: AbortSignal): Promise<Reading> {
    const { environment, warn } = this.#options;
    if (instanceRoleDisabled(environment)) throw this.#nothing(undefined);
    let reading: Reading;
    try {
      reading = await this.#instance.load(urgency, signal);
    } catch (error) {
      if (isBackupError(error, "CREDENTIALS_INVALID")) throw this.#nothing(error);
      throw error;
    }
    this.#chosen = this.#instance;
    if (!environment["HOME"]) {
      warn("HOME is unset, so the shared credentials file is not looked for", { used: reading.source, hint: homeHint });
    }
    return reading;
  }

  #nothing(cause: BackupError | undefined): BackupError {
    const { config, environment } = this.#options;
    if (sharedPaths(this.#options).length === 0) return homeUnset(cause);
    const { credentials } = sharedFilePaths(config, environment);
    const { why, profiles = [] } = this.#unused ?? {};
    const lack = why ? `${why}, and no other source is configured` : "no source is configured";
    const detail = cause ? `; ${cause.message.replace(/^Cannot get/, "cannot get")}` : "";
    const others = profiles.length > 0 ? `, set s3.profile to one that is there (${profiles.join(", ")})` : "";
    return new BackupError("CREDENTIALS_MISSING", `Cannot find credentials: ${lack}${detail}`, {
      hint: `Write a key to "${credentials}" under [${profileName(config, environment)}]${others}, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
      cause,
    });
  }
}

/** Paths whose change means a new reading. */
export function watchedPaths(options: Pick<LatchOptions, "config" | "environment">): readonly string[] {
  return [...configFilePaths(options.config), ...sharedPaths(options)];
}

const homeHint =
  'Run "echo HOME=/root >> /etc/systemd/system/etcd-ark.service.env && systemctl restart etcd-ark", or set s3.credentialsFile';

/** systemd leaves HOME unset for a system service: https://github.com/k3s-io/k3s/issues/11664 */
function homeUnset(cause: BackupError | undefined): BackupError {
  return new BackupError("CONFIG_INVALID", "Cannot look for the shared credentials file: HOME is unset", {
    hint: homeHint,
    cause,
  });
}

function sharedPaths({ config, environment }: Pick<LatchOptions, "config" | "environment">): readonly string[] {
  const paths = sharedFilePaths(config, environment);
  return [paths.credentials, paths.config].filter((path) => path !== undefined);
}
