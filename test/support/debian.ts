/** Debian packages unpacked into a private prefix: no root, nothing installed, nothing of the host's apt changed. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { access, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { aptSources, type Suite, sourceFile } from "./apt-sources.ts";
import { tempDir } from "./temp-dir.ts";

const run = promisify(execFile);

/** What to unpack, and the programs that must then be able to run. */
export interface Prefix {
  readonly name: string;
  readonly suite: Suite;
  readonly packages: readonly string[];
  readonly programs: readonly string[];
}

/** An unpacked prefix. */
export interface InstalledPrefix {
  readonly root: string;
  /** The prefix's directory of shared libraries, by Debian's name for the architecture. */
  readonly libraryDirectory: string;
  /** The words that start a program of the prefix: its own loader, with its own libraries. */
  argv(program: string, ...args: readonly string[]): string[];
}

/** Proxy variables for apt, as JSON, when the tests' own environment is without them. */
export const proxyVariable = "ETCD_ARK_TEST_APT_PROXIES";

/** Where prefixes are kept: `$ETCD_ARK_TEST_CACHE`, else below the user's cache directory. */
export function cacheDirectory(): string {
  const { ETCD_ARK_TEST_CACHE, XDG_CACHE_HOME } = process.env;
  if (ETCD_ARK_TEST_CACHE) return ETCD_ARK_TEST_CACHE;
  return join(XDG_CACHE_HOME || join(homedir() || userInfo().homedir, ".cache"), "etcd-ark");
}

/**
 * Unpacks the prefix unless that was done before. Safe to call from many processes at once, and after one that died
 * half-way: a finished prefix appears by one rename.
 */
export async function installPrefix(prefix: Prefix): Promise<InstalledPrefix> {
  const cache = cacheDirectory();
  const root = join(cache, `${prefix.name}-${prefix.suite}-${recipe(prefix)}`);
  if (!(await exists(root))) {
    await mkdir(cache, { recursive: true });
    const lock = await acquireLock(root);
    try {
      if (!(await exists(root))) await build(prefix, root);
    } finally {
      lock.close();
    }
  }
  return open(root);
}

/** Changes when what is unpacked changes, so that an older prefix is not taken for it. */
function recipe(prefix: Prefix): string {
  return createHash("sha256")
    .update(JSON.stringify([1, prefix]))
    .digest("hex")
    .slice(0, 8);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** An abstract unix socket: held by one process at a time, freed by its death, and no file to go stale. */
async function acquireLock(path: string): Promise<Server> {
  const name = `\0etcd-ark-test-${createHash("sha256").update(path).digest("hex")}`;
  for (;;) {
    const server = createServer();
    try {
      server.listen({ path: name });
      await once(server, "listening");
      return server;
    } catch {
      await delay(100);
    }
  }
}

async function build(prefix: Prefix, root: string): Promise<void> {
  await removeLeftovers(root);
  const partial = await mkdtemp(`${root}.partial-`);
  process.stderr.write(`Unpacking ${prefix.packages.join(", ")} of Debian ${prefix.suite} into ${root}\n`);
  try {
    await unpack(prefix, partial);
    await assertComplete(prefix, partial);
    await rename(partial, root);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function unpack(prefix: Prefix, directory: string): Promise<void> {
  await using apt = await tempDir("etcd-ark-apt-");
  await download(prefix, apt.path);
  for (const file of await readdir(join(apt.path, "debs"))) {
    await run("dpkg", ["-x", join(apt.path, "debs", file), directory]);
  }
  for (const unused of ["doc", "man", "locale", "info", "i18n"]) {
    await rm(join(directory, "usr/share", unused), { recursive: true, force: true });
  }
}

async function removeLeftovers(root: string): Promise<void> {
  const directory = join(root, "..");
  const leftovers = (await readdir(directory)).map((entry) => join(directory, entry));
  for (const path of leftovers) {
    if (path.startsWith(`${root}.partial-`)) await rm(path, { recursive: true, force: true });
  }
}

async function download(prefix: Prefix, apt: string): Promise<void> {
  const failures: string[] = [];
  for (const source of await aptSources()) {
    try {
      await prepareApt(apt, sourceFile(source, prefix.suite));
      await aptGet(apt, "update");
      const packages = await closure(prefix, apt);
      await aptGet(apt, "download", ...packages);
      return;
    } catch (error) {
      failures.push(String(error));
    }
  }
  throw new Error(
    `Cannot download ${prefix.packages.join(", ")} of Debian ${prefix.suite}: ${failures.join("\n") || "this machine's apt sources name no Debian mirror"}`,
  );
}

/** The host's configuration stays in force (proxies, credentials, trust), but its state is neither read nor written. */
async function prepareApt(apt: string, source: string): Promise<void> {
  for (const directory of ["state/lists/partial", "cache/archives/partial", "debs"]) {
    await rm(join(apt, directory), { recursive: true, force: true });
    await mkdir(join(apt, directory), { recursive: true });
  }
  await writeFile(join(apt, "status"), "");
  await mkdir(join(apt, "sources.list.d"), { recursive: true });
  await writeFile(join(apt, "sources.list.d/debian.sources"), source);
  await writeFile(
    join(apt, "apt.conf"),
    `#clear APT::Update;
#clear DPkg::Post-Invoke;
#clear APT::Default-Release;
#clear APT::Architectures;
APT::Architectures:: "${architecture().debian}";
Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "${apt}/sources.list.d";
Dir::Etc::preferences "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
Dir::State "${apt}/state"; Dir::State::status "${apt}/status"; Dir::Cache "${apt}/cache";
APT::Install-Recommends "false"; APT::Sandbox::User "root"; Acquire::Languages "none"; Acquire::Retries "3"; APT::Update::Error-Mode "any";
`,
  );
}

async function aptGet(apt: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run("apt-get", ["-q", "-c", join(apt, "apt.conf"), ...args], {
    cwd: join(apt, "debs"),
    env: { ...process.env, ...JSON.parse(process.env[proxyVariable] ?? "{}"), LC_ALL: "C" },
    maxBuffer: 2 ** 24,
  });
  return stdout;
}

/** The packages and the shared libraries they need. Debian keeps every such library in a package named lib…, but zlib. */
async function closure(prefix: Prefix, apt: string): Promise<string[]> {
  const plan = await aptGet(apt, "-s", "install", ...prefix.packages);
  const needed = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name = ""]) => name);
  const library = /^(lib|zlib1g$)(?!python|perl|pam-|icu-dev|.*-perl$)/;
  return needed.filter((name) => prefix.packages.includes(name) || library.test(name));
}

async function assertComplete(prefix: Prefix, root: string): Promise<void> {
  const { argv } = await open(root);
  for (const program of prefix.programs) {
    const [loader = "", ...args] = argv(program);
    const { stdout } = await run(loader, [...args.slice(0, -1), "--list", args.at(-1) ?? ""]);
    if (stdout.includes("not found")) throw new Error(`Cannot run ${program} of Debian ${prefix.suite}: ${stdout}`);
  }
}

async function open(root: string): Promise<InstalledPrefix> {
  const { gnu } = architecture();
  const loader = await findLoader(root, gnu);
  const libraryDirectory = join(root, "usr/lib", gnu);
  const libraries = [libraryDirectory, join(libraryDirectory, "ceph"), join(root, "lib", gnu)].join(":");
  return {
    root,
    libraryDirectory,
    argv: (program, ...args) => [loader, "--library-path", libraries, join(root, "usr/bin", program), ...args],
  };
}

/** Debian's names for this machine's architecture: of packages, and of directories. */
function architecture(): { debian: string; gnu: string } {
  if (process.arch === "x64") return { debian: "amd64", gnu: "x86_64-linux-gnu" };
  if (process.arch === "arm64") return { debian: "arm64", gnu: "aarch64-linux-gnu" };
  throw new Error(`Cannot use Debian packages on architecture "${process.arch}"`);
}

/** Not by the name the programs ask for: that is a symbolic link to an absolute path, which leads to the host's. */
async function findLoader(root: string, gnu: string): Promise<string> {
  for (const directory of [join(root, "usr/lib", gnu), join(root, "lib", gnu)]) {
    const entries = await readdir(directory).catch(() => []);
    const loader = entries.find((entry) => /^ld-linux.*\.so/.test(entry));
    if (loader) return join(directory, loader);
  }
  throw new Error(`Cannot find the loader of "${root}"`);
}
