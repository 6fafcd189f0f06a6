import { BackupError } from "../errors.ts";
import type { Identity } from "../ports/credentials.ts";
import type { Ini, IniSection } from "./ini.ts";
import { anyPart, completePair, type Parts } from "./pair.ts";

/** One of the two shared files, parsed. */
export interface ProfileFile {
  readonly path: string;
  readonly ini: Ini;
}

/** The two shared files; an absent one is `undefined`. */
export interface ProfileFiles {
  readonly credentials: ProfileFile | undefined;
  readonly config: ProfileFile | undefined;
}

interface Origin {
  /** The file that makes the profile what it is. */
  readonly path: string;
}

/** How a profile yields credentials. */
export type Profile = Origin &
  (
    | { readonly kind: "static"; readonly identity: Identity }
    | { readonly kind: "process"; readonly command: string }
    | { readonly kind: "role"; readonly credentialSource: string | undefined }
    | {
        readonly kind: "webIdentity";
        readonly tokenFile: string;
        readonly roleArn: string;
        readonly sessionName: string | undefined;
      }
  );

type Settings = ReadonlyMap<string, string>;

const pairNames = {
  accessKeyId: "aws_access_key_id",
  secretAccessKey: "aws_secret_access_key",
  sessionToken: "aws_session_token",
} as const;

/** Keys by which a section of the config file is about credentials at all; most hold a region only. */
const credentialKeys = [
  ...Object.values(pairNames),
  "credential_process",
  "role_arn",
  "web_identity_token_file",
  "sso_session",
  "sso_start_url",
  "login_session",
] as const;

/** Whether the files hold the profile, so that the layer counts as configured. */
export function holdsProfile(files: ProfileFiles, name: string): boolean {
  const config = sectionsOf(files.config, configNames(name));
  return (
    sectionsOf(files.credentials, [name]).length > 0 ||
    config.some((section) => credentialKeys.some((key) => section.entries.has(key)))
  );
}

/** The names of all profiles, each once. */
export function profileNames({ credentials, config }: ProfileFiles): readonly string[] {
  const names = [
    ...(credentials?.ini.sections ?? []).map((section) => section.name),
    ...(config?.ini.sections ?? []).map((section) => section.name.replace(/^profile /, "")),
  ];
  return [...new Set(names)];
}

/** The profile's region, for requests that nothing else gives a region. */
export function profileRegion(files: ProfileFiles, name: string): string | undefined {
  return profileSettings(files, name).get("region") || undefined;
}

/**
 * What the profile is, in the SDK's own order: role, keys, web identity, process. Rejects everything that
 * the SDK would accept and must not: two sections of a name, half a pair, a pair joined from two files.
 */
export function resolveProfile(files: ProfileFiles, name: string, visited: readonly string[] = []): Profile {
  requireIni(files.credentials);
  requireIni(files.config);
  requireSections(files.credentials);
  requireOnce(files.credentials, name, [name]);
  requireOnce(files.config, name, configNames(name));

  const settings = profileSettings(files, name);
  const role = settings.get("role_arn");
  const where = describeProfile(files, name);
  if (role && !settings.get("web_identity_token_file") && !visited.includes(name)) {
    return resolveRole({ files, name, visited, settings, where });
  }
  return (
    staticProfile(files, name) ?? webIdentityProfile(files, settings, where) ?? processOrNothing(files, name, settings)
  );
}

function resolveRole(request: {
  readonly files: ProfileFiles;
  readonly name: string;
  readonly visited: readonly string[];
  readonly settings: Settings;
  readonly where: string;
}): Profile {
  const { files, name, visited, settings, where } = request;
  const source = settings.get("source_profile");
  const credentialSource = settings.get("credential_source");
  if (settings.get("mfa_serial"))
    throw invalid(`Cannot use ${where}: mfa_serial needs a person`, "Name a role without MFA");
  if (Boolean(source) === Boolean(credentialSource)) {
    throw invalid(
      `Cannot use ${where}: role_arn needs either source_profile or credential_source`,
      "Set exactly one of the two beside role_arn",
    );
  }
  // A profile may name itself: its own keys are then what assumes the role.
  if (source) resolveProfile(files, source, [...visited, name]);
  return { kind: "role", path: originOf(files, name, "role_arn"), credentialSource: credentialSource || undefined };
}

/** Keys count from one file alone: the credentials file, where it has any, else the config file. */
function staticProfile(files: ProfileFiles, name: string): Profile | undefined {
  for (const [file, names] of [
    [files.credentials, [name]],
    [files.config, configNames(name)],
  ] as const) {
    const section = sectionsOf(file, names)[0];
    if (!file || !section) continue;
    const parts = partsOf(section);
    if (!anyPart(parts)) continue;
    const where = `profile "${name}" of "${file.path}"`;
    requireUnrepeated(section, where);
    return { kind: "static", path: file.path, identity: completePair(parts, { where, names: pairNames }) };
  }
  return undefined;
}

function webIdentityProfile(files: ProfileFiles, settings: Settings, where: string): Profile | undefined {
  const tokenFile = settings.get("web_identity_token_file");
  if (!tokenFile) return undefined;
  const roleArn = settings.get("role_arn");
  if (!roleArn)
    throw invalid(`Cannot use ${where}: role_arn is missing`, "Set role_arn beside web_identity_token_file");
  const path = (files.config ?? files.credentials)?.path ?? "";
  return { kind: "webIdentity", path, tokenFile, roleArn, sessionName: settings.get("role_session_name") };
}

function processOrNothing(files: ProfileFiles, name: string, settings: Settings): Profile {
  const where = describeProfile(files, name);
  const command = settings.get("credential_process");
  if (command) return { kind: "process", path: originOf(files, name, "credential_process"), command };
  if (["sso_session", "sso_start_url", "login_session"].some((key) => settings.has(key))) {
    throw invalid(
      `Cannot use ${where}: signing in needs a person`,
      "Use keys, a role or credential_process for a service",
    );
  }
  if (settings.size > 0 || holdsProfile(files, name)) {
    throw invalid(
      `Cannot use ${where}: it holds no credentials`,
      "Set aws_access_key_id and aws_secret_access_key there",
    );
  }
  throw unknownProfile(files, name);
}

function unknownProfile(files: ProfileFiles, name: string): BackupError {
  const paths = [files.credentials, files.config].flatMap((file) => (file ? [`"${file.path}"`] : []));
  const known = profileNames(files);
  const there = known.length === 0 ? "There is no profile at all" : `Profiles there: ${known.join(", ")}`;
  return invalid(
    `Cannot find profile "${name}" in ${paths.join(" or ")}`,
    `${there}; set s3.profile or AWS_PROFILE to one of them, or add the section [${name}]`,
  );
}

/** What both files say, the credentials file over the config file, as the AWS tools read them. */
function profileSettings(files: ProfileFiles, name: string): Settings {
  const sections = [...sectionsOf(files.config, configNames(name)), ...sectionsOf(files.credentials, [name])];
  return new Map(sections.flatMap((section) => [...section.entries].map(([key, { value }]) => [key, value] as const)));
}

function requireIni(file: ProfileFile | undefined): void {
  if (!file?.ini.problem) return;
  const { line, reason } = file.ini.problem;
  throw invalid(
    `Cannot parse "${file.path}": line ${line}: ${reason}`,
    `Correct line ${line}; the form is [profile], then key = value`,
  );
}

/** An empty credentials file is one being written; what stands in the config file must not replace it. */
function requireSections(file: ProfileFile | undefined): void {
  if (!file || file.ini.sections.length > 0) return;
  throw invalid(
    `Cannot use credentials file "${file.path}": it is empty`,
    "Write the section [default] with a key into it, or remove the file",
  );
}

function requireOnce(file: ProfileFile | undefined, profile: string, names: readonly string[]): void {
  const sections = sectionsOf(file, names);
  if (!file || sections.length < 2) return;
  const lines = sections.map((section) => section.line).join(" and ");
  throw invalid(
    `Cannot use profile "${profile}" of "${file.path}": its section appears ${sections.length} times, in lines ${lines}`,
    "Keep one of the sections; which one counts is not guessed",
  );
}

function requireUnrepeated(section: IniSection, where: string): void {
  for (const key of Object.values(pairNames)) {
    const entry = section.entries.get(key);
    if (entry?.repeats === undefined) continue;
    throw invalid(
      `Cannot use ${where}: ${key} appears twice, in lines ${entry.repeats} and ${entry.line}`,
      `Keep one ${key} in the section`,
    );
  }
}

function partsOf(section: IniSection): Parts {
  const value = (key: string): string | undefined => section.entries.get(key)?.value;
  return {
    accessKeyId: value(pairNames.accessKeyId),
    secretAccessKey: value(pairNames.secretAccessKey),
    sessionToken: value(pairNames.sessionToken),
  };
}

function sectionsOf(file: ProfileFile | undefined, names: readonly string[]): readonly IniSection[] {
  return (file?.ini.sections ?? []).filter((section) => names.includes(section.name.replace(/["']/g, "")));
}

/** `[default]` needs no prefix in the config file, every other profile does. */
function configNames(profile: string): readonly string[] {
  return profile === "default" ? ["default", "profile default"] : [`profile ${profile}`];
}

function originOf(files: ProfileFiles, name: string, key: string): string {
  const own = sectionsOf(files.credentials, [name]).some((section) => section.entries.has(key));
  return (own ? files.credentials : files.config)?.path ?? "";
}

function describeProfile(files: ProfileFiles, name: string): string {
  const own = sectionsOf(files.credentials, [name]).length > 0;
  return `profile "${name}" of "${(own ? files.credentials : (files.config ?? files.credentials))?.path ?? ""}"`;
}

function invalid(message: string, hint: string): BackupError {
  return new BackupError("CREDENTIALS_INVALID", message, { hint });
}
