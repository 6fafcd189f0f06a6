import { type Check, type Finding, pass, warn } from "../model/check.ts";

/** What the configuration was read from. */
export interface ConfigurationFacts {
  /** The configuration file, if there is one. */
  readonly file: string | undefined;
  /** The distribution whose etcd was found on this node, if nothing else was told. */
  readonly detected: string | undefined;
  /** Env files that were read. */
  readonly envFiles: readonly string[];
  /** What is wrong with them, each with its place. */
  readonly envWarnings: readonly string[];
  readonly home: string | undefined;
  /** The env file that sets HOME, if one does. */
  readonly homeFile: string | undefined;
  /** Whether the credentials file is looked for below HOME. */
  readonly needsHome: boolean;
  /** Whether the unit is installed, and this is not the service that it starts. */
  readonly isBesideService: boolean;
  /** URLs of the stores. */
  readonly stores: readonly string[];
}

const SET_HOME =
  'Run "echo HOME=/root >> /etc/systemd/system/etcd-ark.service.env && systemctl restart etcd-ark", or set s3.credentialsFile';

/** Checks what the program would run with, once it could be read. */
export function checkConfiguration(facts: ConfigurationFacts): Check[] {
  const rows = { file: fileOf(facts), "env file": envFilesOf(facts), HOME: homeOf(facts) };
  return Object.entries(rows).map(([name, finding]) => ({ group: "configuration", name, ...finding }));
}

function fileOf({ file, detected, stores }: ConfigurationFacts): Finding {
  const etcd = detected === undefined ? "" : `; the etcd of ${detected} on this node`;
  const to = stores.length === 0 ? "" : `; to ${stores.join(" and ")}`;
  return pass(`${file ?? "no file, so flags and the environment"}${etcd}${to}`);
}

function envFilesOf({ envFiles, envWarnings }: ConfigurationFacts): Finding {
  if (envWarnings.length > 0) {
    return warn(envWarnings.join("; "), "Write it as systemd reads it: NAME=value, one a line, without export");
  }
  return pass(envFiles.length === 0 ? "none" : envFiles.join(", "));
}

/** systemd leaves HOME unset for a system service, so that a shell finds credentials that the service does not. */
function homeOf({ home, homeFile, needsHome, isBesideService }: ConfigurationFacts): Finding {
  if (!home) {
    return needsHome
      ? warn("HOME is unset, so the shared credentials file is not looked for", SET_HOME)
      : pass("unset; nothing is looked for below it");
  }
  if (homeFile !== undefined) return pass(`HOME=${home} from ${homeFile}`);
  if (needsHome && isBesideService) {
    return warn(
      `HOME=${home} is this shell's: no env file sets it, so the service looks for no credentials there`,
      SET_HOME,
    );
  }
  return pass(`HOME=${home} from the environment`);
}
