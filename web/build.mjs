// Builds the page into src/septum/view/static, or the unit tests into build/tests. The same sources give the same bytes.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.env.SEPTUM_STATIC ?? join(here, "..", "src", "septum", "view", "static");

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** One hash over the name and content of everything that the page is made from. */
function sourcesHash() {
  const single = ["package.json", "package-lock.json", "tsconfig.json", "build.mjs", "index.html", "icon.svg"].map((name) => join(here, name));
  const names = [...single, ...filesBelow(join(here, "src")), ...filesBelow(join(here, "licences"))]
    .map((path) => relative(here, path).split("\\").join("/"))
    .sort();
  return sha256(names.map((name) => `${name} ${sha256(readFileSync(join(here, name)))}\n`).join(""));
}

/** The licences of all packages that the bundles hold: the package's own file, or the one kept beside it here. */
function licences(metafiles) {
  const packages = new Set();
  for (const input of metafiles.flatMap((meta) => Object.keys(meta.inputs))) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  // NiiVue's own file has its dependencies inside.
  const inside = (name) => Object.keys(JSON.parse(readFileSync(join(here, "node_modules", name, "package.json"), "utf8")).dependencies ?? {});
  for (const name of packages) for (const one of inside(name)) packages.add(one);
  const parts = [...packages].sort().map((name) => {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const own = readdirSync(folder).find((file) => /^licen[cs]e(\.md|\.txt)?$/i.test(file));
    const path = own ? join(folder, own) : join(here, "licences", `${name.replace("/", "__")}.txt`);
    return `${name} ${version} (${license})\n\n${readFileSync(path, "utf8").replaceAll("\r\n", "\n").trim()}\n`;
  });
  return `The page of \`septum view\` contains these packages.\n\n${parts.join(`\n${"-".repeat(80)}\n\n`)}`;
}

const common = { bundle: true, format: "esm", target: "es2022", charset: "utf8", logLevel: "warning", absWorkingDir: here };

if (process.argv.includes("--tests")) {
  rmSync(join(here, "build"), { recursive: true, force: true });
  await build({ ...common, entryPoints: readdirSync(join(here, "tests")).filter((name) => name.endsWith(".test.ts")).map((name) => `tests/${name}`), outdir: "build/tests", platform: "node" });
} else {
  const page = { ...common, minify: true, legalComments: "none", metafile: true, write: false };
  const later = {
    name: "later",
    setup: (made) => made.onResolve({ filter: /\/atrium\/volume$/ }, () => ({ path: "./volume.js", external: true })),
  };
  const app = await build({ ...page, entryPoints: { app: "src/main.ts" }, plugins: [later], outdir: out });
  const style = await build({ ...page, entryPoints: { app: "src/page/style.css" }, outdir: out });
  const volume = await build({ ...page, entryPoints: { volume: "src/atrium/volume.ts" }, outdir: out });
  const files = new Map([...app.outputFiles, ...style.outputFiles, ...volume.outputFiles].map((file) => [relative(out, file.path), Buffer.from(file.contents)]));
  for (const name of ["index.html", "icon.svg"]) files.set(name, readFileSync(join(here, name)));
  files.set("LICENSES.txt", Buffer.from(licences([app.metafile, volume.metafile])));
  const listed = [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, bytes]) => [name, { bytes: bytes.length, sha256: sha256(bytes) }]);
  files.set("manifest.json", Buffer.from(`${JSON.stringify({ sources_sha256: sourcesHash(), files: Object.fromEntries(listed) }, null, 2)}\n`));
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  for (const [name, bytes] of files) writeFileSync(join(out, name), bytes);
  for (const [name, bytes] of [...files].sort()) console.log(`${String(bytes.length).padStart(9)}  ${name}`);
}
