// Completes package-lock.json after a change of dependencies: `npm run lock`.
//
// Some registries do not carry the optional packages of platforms that nobody here builds on. npm then leaves them
// out of the lock, and `npm ci` refuses a lock without them. What is added has no integrity, and is never installed
// on the platforms that this project supports.
import { readFileSync, writeFileSync } from "node:fs";

interface LockEntry {
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const SYSTEMS = ["android", "darwin", "freebsd", "netbsd", "openbsd", "openharmony", "win32", "linux", "sunos", "aix"];
const PROCESSORS = ["arm64", "x64", "ia32", "ppc64", "riscv64", "s390x", "loong64", "mips64el", "wasm32", "arm"];

const file = new URL("../package-lock.json", import.meta.url);
const lock: { packages: Record<string, LockEntry> } = JSON.parse(readFileSync(file, "utf8"));
const missing = Object.values(lock.packages).flatMap(missingOf);
const packages = { ...lock.packages, ...Object.fromEntries(missing) };
const sorted = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`);
console.log(`Added ${missing.length} packages of other platforms to package-lock.json`);

function missingOf({ dev, optionalDependencies = {} }: LockEntry): [string, object][] {
  return Object.entries(optionalDependencies)
    .filter(([name]) => !Object.keys(lock.packages).some((path) => path.endsWith(`node_modules/${name}`)))
    .map(([name, version]) => [
      `node_modules/${name}`,
      { version, ...(dev && { dev }), optional: true, ...platformOf(name) },
    ]);
}

/** The platform that a package's name speaks of. */
function platformOf(name: string): { os?: string[]; cpu?: string[]; libc?: string[] } {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.filter((system) => words.includes(system));
  const cpu = PROCESSORS.filter((processor) => words.includes(processor)).slice(0, 1);
  const libc = words.includes("musl") ? ["musl"] : words.includes("gnu") ? ["glibc"] : [];
  return { ...(os.length > 0 && { os }), ...(cpu.length > 0 && { cpu }), ...(libc.length > 0 && { libc }) };
}
