import { BackupError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { ExposureWarning } from "./exposure.ts";
import { type FileText, readFileText } from "./file-text.ts";
import { type CredentialsConfig, type Environment, environmentParts } from "./layers.ts";
import type { Loader } from "./loader.ts";
import { completePair, type Parts } from "./pair.ts";
import { SettledFiles } from "./settled-files.ts";

const configNames = {
  accessKeyId: "s3.accessKeyId",
  secretAccessKey: "s3.secretAccessKey",
  sessionToken: "s3.sessionToken",
} as const;

const environmentNames = {
  accessKeyId: "AWS_ACCESS_KEY_ID",
  secretAccessKey: "AWS_SECRET_ACCESS_KEY",
  sessionToken: "AWS_SESSION_TOKEN",
} as const;

/** The layer of the environment's keys, which cannot change while the process lives. */
export function environmentLoader(environment: Environment): Loader {
  return {
    load: async () => ({
      identity: completePair(environmentParts(environment), { where: "the environment", names: environmentNames }),
      layer: "environment",
      source: "environment",
    }),
  };
}

interface ConfigLoaderOptions {
  readonly config: CredentialsConfig;
  readonly clock: Clock;
  readonly warnExposure: ExposureWarning;
}

/** Files that the `…File` keys name. */
export function configFilePaths(config: CredentialsConfig): readonly string[] {
  return [config.accessKeyIdFile, config.secretAccessKeyFile, config.sessionTokenFile].filter((path) => path !== "");
}

/** The layer of our own configuration's keys; those in files are read anew and may rotate. */
export function configLoader({ config, clock, warnExposure }: ConfigLoaderOptions): Loader {
  const paths = configFilePaths(config);
  const settled = new SettledFiles(paths, readFileText, clock);
  return {
    load: async (_urgency, signal) => {
      const files = await settled.read(signal);
      const parts: Parts = {
        accessKeyId: partOf(config, "accessKeyId", files),
        secretAccessKey: partOf(config, "secretAccessKey", files),
        sessionToken: partOf(config, "sessionToken", files),
      };
      const identity = completePair(parts, { where: "the configured key", names: configNames });
      for (const file of files) if (file.path !== config.accessKeyIdFile) warnExposure(file);
      return { identity, layer: "config", source: paths.length > 0 ? paths.join(", ") : "configuration" };
    },
  };
}

function partOf(config: CredentialsConfig, name: keyof Parts, files: readonly FileText[]): string {
  const path = config[`${name}File`];
  if (path === "") return config[name];
  const file = files.find((candidate) => candidate.path === path);
  if (file?.kind === "text") return file.text.trim();
  if (file?.kind === "unusable") throw file.error;
  throw new BackupError("CREDENTIALS_INVALID", `Cannot read "${path}": no such file`, {
    hint: `Create it, or correct s3.${name}File`,
  });
}
