import { execFile } from "node:child_process";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type TempDir, tempDir } from "../../test/support/temp-dir.ts";
import type { Mutant } from "./mutant.ts";

const execute = promisify(execFile);

/** A copy of the checkout in which files may be broken. */
export class Scratch implements AsyncDisposable {
  readonly #directory: TempDir;

  constructor(directory: TempDir) {
    this.#directory = directory;
  }

  /** Copies what git tracks or would; node_modules is linked. */
  static async of(root: string): Promise<Scratch> {
    const directory = await tempDir("etcd-ark-mutants-");
    for (const file of await filesOf(root)) {
      const target = join(directory.path, file);
      await mkdir(dirname(target), { recursive: true });
      // A file that git knows and somebody has just removed is none of a test's.
      await cp(join(root, file), target).catch(ignoreMissing);
    }
    await symlink(join(root, "node_modules"), join(directory.path, "node_modules"));
    return new Scratch(directory);
  }

  get path(): string {
    return this.#directory.path;
  }

  /** Bundles the program as it stands into the copy's dist/. */
  async build(): Promise<void> {
    await execute(process.execPath, ["tools/build.ts"], { cwd: this.path });
  }

  /** Makes the mutant's change, until disposal. */
  async mutate({ file, find, replace }: Mutant): Promise<AsyncDisposable> {
    const path = join(this.path, file);
    const text = await readFile(path, "utf8");
    await writeFile(
      path,
      text.replace(find, () => replace),
    );
    return { [Symbol.asyncDispose]: () => writeFile(path, text) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directory[Symbol.asyncDispose]();
  }
}

async function filesOf(root: string): Promise<string[]> {
  const { stdout } = await execute("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
  });
  return stdout.split("\0").filter((file) => file !== "");
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
