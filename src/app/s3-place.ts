import { readFile } from "../config/files.ts";
import type { S3Config } from "../config/schema.ts";
import { parseIni } from "../credentials/ini.ts";
import { profileName, sharedFilePaths } from "../credentials/layers.ts";
import { type ProfileFile, profileRegion } from "../credentials/profile.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** AWS's own service for it knows nothing of regions otherwise. */
const FALLBACK_REGION = "us-east-1";

/** The region: as configured, of the environment, of the profile, or us-east-1. */
export function regionOf(config: S3Config, environment: Environment): string {
  const told = config.region || environment["AWS_REGION"] || environment["AWS_DEFAULT_REGION"];
  if (told) return told;
  const paths = sharedFilePaths(config, environment);
  const files = { credentials: profileFile(paths.credentials), config: profileFile(paths.config) };
  return profileRegion(files, profileName(config, environment)) || FALLBACK_REGION;
}

/** The endpoint: as configured, of the environment, or empty for AWS. */
export function endpointOf(config: S3Config, environment: Environment): string {
  return config.endpoint || environment["AWS_ENDPOINT_URL_S3"] || environment["AWS_ENDPOINT_URL"] || "";
}

/** A file that is missing or cannot be read names no region; what else is wrong with it, the credentials tell. */
function profileFile(path: string | undefined): ProfileFile | undefined {
  const read = path === undefined ? undefined : readFile(path);
  return path !== undefined && read && "text" in read ? { path, ini: parseIni(read.text) } : undefined;
}
