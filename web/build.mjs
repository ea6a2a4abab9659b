// Bundles the page into one file without its data: template.html with the styles and scripts put in.
// usage: node build.mjs [OUT]
import { build } from "esbuild";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const out = process.argv[2] ?? "report-page.html";
const here = (name) => new URL(name, import.meta.url);
const text = (name) => readFileSync(here(name), "utf8");

const bundle = async (entry) => {
  const result = await build({
    entryPoints: [fileURLToPath(here(entry))], // a URL writes blanks and letters beyond ASCII otherwise
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2022",
    define: { "process.env.NODE_ENV": '"production"' },
    legalComments: "none",
    logLevel: "warning",
  });
  return result.outputFiles[0].text.trim();
};

// The licences travel with what they cover: all that package-lock.json has for more than the build.
const files = (folder, wanted) =>
  readdirSync(here(folder), { withFileTypes: true })
    .filter((entry) => entry.isFile() && wanted.test(entry.name))
    .map((entry) => `${folder}/${entry.name}`)
    .sort();
const licences = Object.entries(JSON.parse(text("package-lock.json")).packages)
  .filter(([path, entry]) => path !== "" && !entry.dev)
  .map(([path]) => {
    const about = JSON.parse(text(`${path}/package.json`));
    const found = files(path, /^(licen[cs]e|copying|notice)/i);
    if (found.length === 0) throw new Error(`${path} has no licence file`);
    if (readdirSync(here(path)).includes("licenses")) found.push(...files(`${path}/licenses`, /./)); // of what it holds itself
    const notes = found.map((file) => text(file).trim());
    return `${about.name} ${about.version} (${about.license})\n\n${notes.join("\n\n")}`;
  })
  .join(`\n\n${"-".repeat(80)}\n\n`);

const escapeHtml = (s) => s.replace(/&/g, "&amp;").replace(/</g, "&lt;");
const parts = {
  STYLE: text("src/style.css"),
  SCRIPT: await bundle("src/main.js"),
  LICENCES: escapeHtml(licences),
};
let page = text("src/template.html");
for (const [name, value] of Object.entries(parts)) {
  if (page.split(`@@${name}@@`).length !== 2) throw new Error(`template.html needs one @@${name}@@`);
  page = page.replace(`@@${name}@@`, () => value);
}
for (const marker of ["@@TITLE@@", "@@DATA@@"])
  if (page.split(marker).length !== 2) throw new Error(`the page must hold ${marker} once`);
if (/<\/script/i.test(parts.SCRIPT)) throw new Error("the bundle holds </script");
writeFileSync(out, page);
