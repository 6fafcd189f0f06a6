import { join } from "node:path";
import { installPrefix } from "../../test/support/debian.ts";

/** Debian's `aws`, and the Python that it needs: none of it a library that the prefix would find by itself. */
const PREFIX = {
  name: "awscli",
  suite: "bookworm",
  packages: [
    ...["awscli", "libc6", "media-types", "python3.11", "python3.11-minimal"],
    ...["libpython3.11-minimal", "libpython3.11-stdlib"],
    ...["awscrt", "botocore", "certifi", "cffi-backend", "charset-normalizer", "colorama", "cryptography"].map(python),
    ...["dateutil", "distro", "docutils", "idna", "jmespath", "pkg-resources", "prompt-toolkit", "requests"].map(
      python,
    ),
    ...["roman", "ruamel.yaml", "ruamel.yaml.clib", "six", "urllib3", "wcwidth"].map(python),
  ],
  programs: ["python3.11"],
} as const;

/** The words that start `aws`, and the environment that it needs. */
export interface AwsCli {
  argv(...args: readonly string[]): string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Unpacks Debian's awscli. */
export async function installAwsCli(): Promise<AwsCli> {
  const { root, argv } = await installPrefix(PREFIX);
  return {
    argv: (...args) => argv("python3.11", join(root, "usr/bin/aws"), ...args),
    env: { PYTHONHOME: join(root, "usr"), AWS_EC2_METADATA_DISABLED: "true" },
  };
}

function python(module: string): string {
  return `python3-${module}`;
}
