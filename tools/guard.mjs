// Plain JavaScript that any Node can run: it is what stops an older one.
const wanted = [24, 5];
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < wanted[0] || (major === wanted[0] && minor < wanted[1])) {
  console.error(
    `Cannot go on with Node ${process.versions.node}: ${wanted.join(".")} or newer is needed. The project brings its own: run \`npm ci --ignore-scripts\`, then use \`npm run …\``,
  );
  process.exit(1);
}
