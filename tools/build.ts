// Bundles the program into dist/, which then runs without node_modules: `node tools/build.ts [ENTRY [DIRECTORY]]`.
import { readFile, rm, writeFile } from "node:fs/promises";
import { createRequire, isBuiltin } from "node:module";
import path from "node:path";
import { build, type Metafile, type OnLoadArgs, type Plugin } from "esbuild";

const ROOT = path.resolve(import.meta.dirname, "..");

/** How etcd3's connection pool reads its protocol from disk when it is imported. */
const LOAD_PROTOCOL = /\(0, proto_loader_1\.loadSync\)\(`\$\{__dirname\}\/\.\.\/proto\/rpc\.proto`,/;

const embedEtcdProtocol = replaceModule({
  name: "etcd3's protocol as a descriptor made now",
  filter: /etcd3[/\\]lib[/\\]connection-pool\.js$/,
  replace: async (source, file) => {
    if (!LOAD_PROTOCOL.test(source)) throw new Error(`Cannot embed etcd's protocol: "${file}" loads it in another way`);
    const descriptor = JSON.stringify(await readProtocol(file));
    return source.replace(LOAD_PROTOCOL, () => `(0, proto_loader_1.fromJSON)(${descriptor},`);
  },
});

/** zod brings its messages in forty languages, 3 MB of resident memory; the program speaks one. */
const dropLocales = replaceModule({
  name: "zod's English messages alone",
  filter: /zod[/\\]v4[/\\]locales[/\\]index\.js$/,
  replace: (source) => {
    const english = /^export \{ default as en \} from .*$/m.exec(source)?.[0];
    if (english === undefined) throw new Error("Cannot find English among zod's locales");
    return english;
  },
});

/**
 * Node's own modules, without their facade for `import`: that runs every lazy getter, and so loads all of fetch with
 * `node:http` and the root certificates with `node:tls`.
 */
const importBuiltinsLazily: Plugin = {
  name: "Node's modules without what they load only when asked",
  setup(bundler) {
    bundler.onResolve({ filter: /^[a-z:_/]+\d?$/ }, ({ path: name, kind }) => {
      return kind === "import-statement" && isBuiltin(name) ? { path: name, namespace: "builtin" } : undefined;
    });
    bundler.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path: name }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(name)});`,
    }));
  },
};

/** What CommonJS packages in the bundle expect to find. */
const COMMONJS_NAMES = [
  `import { createRequire as __createRequire } from "node:module";`,
  "const require = __createRequire(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname;",
].join("");

const [entry = path.join(ROOT, "src/main.ts"), directory = path.join(ROOT, "dist")] = process.argv.slice(2);
await bundle(entry, path.resolve(directory));

/**
 * ESM with splitting, white space removed and names kept: of the forms tried, the one that starts quickest and stays
 * smallest. What is imported only on demand becomes a chunk of its own.
 */
async function bundle(entryPoint: string, outdir: string): Promise<void> {
  await rm(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: { main: entryPoint },
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    // The SDK as modules, of which only what is used remains.
    mainFields: ["module", "main"],
    target: "node24.5",
    chunkNames: "[name]-[hash]",
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "linked",
    metafile: true,
    logLevel: "warning",
    banner: { js: COMMONJS_NAMES },
    plugins: [embedEtcdProtocol, dropLocales, importBuiltinsLazily],
  });
  refuseImportsFromOutside(metafile);
  // So that Node need not guess when dist/ is copied elsewhere.
  await writeFile(path.join(outdir, "package.json"), `${JSON.stringify({ type: "module" })}\n`);
  const main = path.relative(process.cwd(), path.join(outdir, "main.js"));
  console.log(`Built ${main}, ${Math.ceil((metafile.outputs[main]?.bytes ?? 0) / 1024)} KiB`);
}

interface Replacement {
  readonly name: string;
  readonly filter: RegExp;
  readonly replace: (source: string, file: string) => string | Promise<string>;
}

/** A plugin that changes one module of a package, and fails the build when that module is not in it any more. */
function replaceModule({ name, filter, replace }: Replacement): Plugin {
  return {
    name,
    setup(bundler) {
      let isReplaced = false;
      bundler.onLoad({ filter }, async ({ path: file }: OnLoadArgs) => {
        isReplaced = true;
        return { contents: await replace(await readFile(file, "utf8"), file), loader: "js" };
      });
      bundler.onEnd(() => (isReplaced ? null : { errors: [{ text: `No module matches ${filter}` }] }));
    },
  };
}

async function readProtocol(file: string): Promise<unknown> {
  const loader = createRequire(file).resolve("@grpc/proto-loader");
  const { Root } = createRequire(loader)("protobufjs");
  const root = await new Root().load(path.join(path.dirname(file), "../proto/rpc.proto"), { keepCase: true });
  return root.toJSON();
}

function refuseImportsFromOutside({ outputs }: Metafile): void {
  const imports = Object.values(outputs).flatMap((output) => output.imports);
  const outside = imports.filter((each) => each.external && !isBuiltin(each.path)).map((each) => each.path);
  if (outside.length > 0) throw new Error(`Cannot bundle: ${outside.join(", ")} would be needed at run time`);
}
