// Bundles the entry points src/*.js and src/*.css into the folder given, with content-hashed names,
// and prints what it made as JSON. Run by `python -m renderer.build`, which holds the policy.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const out = process.argv[2];
const entries = readdirSync("src").filter((name) => /\.(js|css)$/.test(name)).sort();
const result = await build({
  absWorkingDir: process.cwd(),
  entryPoints: entries.map((name) => join("src", name)),
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  splitting: true, // `await import("./charts.js")` in app.js stays a lazy chunk
  target: ["es2022", "chrome109", "firefox115", "safari16"],
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".svg": "file", ".woff2": "file", ".png": "file" },
  legalComments: "linked",
  charset: "utf8",
  metafile: true,
  logLevel: "warning",
});

const made = {};
for (const [path, about] of Object.entries(result.metafile.outputs)) {
  const file = basename(path);
  const bytes = readFileSync(path);
  const zipped = gzipSync(bytes, { level: 9 });
  if (/\.(js|css|svg)$/.test(file)) writeFileSync(`${path}.gz`, zipped);
  const name = about.entryPoint?.startsWith("src/") ? about.entryPoint.slice(4) : file;
  made[name in made ? file : name] = {
    file,
    gzip: zipped.length,
    imports: about.imports.filter((i) => i.kind === "import-statement").map((i) => basename(i.path)).sort(),
  };
}
console.log(JSON.stringify(made));
