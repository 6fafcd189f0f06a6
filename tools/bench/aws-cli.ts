import { join } from "node:path";
import { installPrefix } from "../../test/support/debian.ts";
import type { Command } from "./measure.ts";
import { awsEnvironment, type Target } from "./programs.ts";

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

/** `aws s3 cp` from one place to another: files, or URLs of objects. */
export async function copyCommand(target: Target, from: string, to: string): Promise<Command> {
  const { root, argv } = await installPrefix(PREFIX);
  const words = ["s3", "cp", "--only-show-errors", from, to];
  const flags = [`--endpoint-url=${target.endpoint}`, `--ca-bundle=${target.caFile}`];
  return {
    argv: argv("python3.11", join(root, "usr/bin/aws"), ...words, ...flags),
    env: {
      PYTHONHOME: join(root, "usr"),
      AWS_EC2_METADATA_DISABLED: "true",
      ...awsEnvironment(target),
      AWS_DEFAULT_REGION: "us-east-1",
      HOME: "/nonexistent",
    },
  };
}

function python(module: string): string {
  return `python3-${module}`;
}
