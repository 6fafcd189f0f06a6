import { type ProfileFiles, profileNames } from "./profile.ts";

/** What the shared files hold while they do not count, for the operator who takes them to be in use. */
export interface UnusedFiles {
  /** What is wrong with the credentials file, if there is one. */
  readonly why: string | undefined;
  /** Profiles that could be asked for instead. */
  readonly profiles: readonly string[];
}

/** Describes files that do not hold profile `name`. */
export function describeUnused(files: ProfileFiles, name: string): UnusedFiles {
  const { credentials } = files;
  const lack = credentials?.ini.sections.length === 0 ? "is empty" : `has no section [${name}]`;
  return {
    why: credentials && `"${credentials.path}" ${lack}`,
    profiles: profileNames(files).filter((other) => other !== name),
  };
}
