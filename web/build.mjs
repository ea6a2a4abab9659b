// Bundles the page into one file without its data: template.html with the styles and scripts put in.
// usage: node build.mjs [OUT]
import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";

const out = process.argv[2] ?? "report-page.html";
const here = (name) => new URL(name, import.meta.url);
const text = (name) => readFileSync(here(name), "utf8");

const bundle = async (entry) => {
  const result = await build({
    entryPoints: [here(entry).pathname],
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

// The licences travel with what they cover.
const licences = ["echarts", "zrender", "tslib", "3dmol", "pako"]
  .map((name) => {
    const about = JSON.parse(text(`node_modules/${name}/package.json`));
    const notes = ["LICENSE", "LICENSE.txt", "NOTICE"].flatMap((file) => {
      try {
        return [text(`node_modules/${name}/${file}`).trim()];
      } catch {
        return [];
      }
    });
    if (notes.length === 0) throw new Error(`${name} has no licence file`);
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
