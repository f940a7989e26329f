// Bundles the page into ../static: names carry a hash of their content, licences lie beside them.
// The same sources and locked packages give the same bytes.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "..", "static");
const LICENSED = ["ag-grid-community", "ag-stack", "echarts", "zrender", "tslib"];

mkdirSync(out, { recursive: true });
for (const name of readdirSync(out)) rmSync(join(out, name));

function hashed(name, kind, content) {
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 10);
  const file = `${name}-${digest}.${kind}`;
  writeFileSync(join(out, file), content);
  return file;
}

async function bundled(entry) {
  const result = await build({
    entryPoints: [join(here, "src", entry)],
    absWorkingDir: here,
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: ["es2022"],
    legalComments: "none",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return result.outputFiles[0].contents;
}

const names = {
  THEME: hashed("theme", "js", await bundled("theme.js")),
  STYLE: hashed("app", "css", await bundled("app.css")),
  SCRIPT: hashed("app", "js", await bundled("main.js")),
  ICON: hashed("icon", "svg", readFileSync(join(here, "src", "icon.svg"))),
};
let page = readFileSync(join(here, "src", "index.html"), "utf8");
for (const [word, file] of Object.entries(names)) page = page.replaceAll(`{{${word}}}`, file);
writeFileSync(join(out, "index.html"), page);

const texts = LICENSED.map((name) => {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const found = readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /^(licen[cs]e|notice|copyrightnotice)/i.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((file) => !file.slice(folder.length).includes("node_modules"))
    .sort();
  const bodies = found.map((file) => readFileSync(file, "utf8").trim());
  return [`${name} ${version} (${license})`, ...bodies].join("\n\n");
});
writeFileSync(join(out, "licences.txt"), texts.join(`\n\n${"=".repeat(78)}\n\n`) + "\n");
