// What a reader of a report meets, in a browser without a window.  usage: node page.mjs CHROMIUM PAGE.html KIND [short]
// KIND: what the page must hold; see `expected`.
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Browser } from "./browser.mjs";

const [chromium, file, kind, extent] = process.argv.slice(2); // extent "short": one window alone
const url = `file://${resolve(file)}`;
const failures = [];
const check = (condition, what) => condition || failures.push(what);
const beside = (name) => readFileSync(join(dirname(file), name), "utf8");
const regression = {
  sections: ["scores", "curves", "parity", "residuals", "where", "steps", "worst", "repeat", "settings"],
  figures: ["learning", "loss", "parity-training", "parity-validation", "parity-test", "residuals", "cumulative", "elements", "size", "target", "systems", "spacegroups", "steps-error", "steps-prediction", "steps-change", "crystal"],
  point: "parity-test",
};
const expected = {
  regression,
  odd: regression, // its predictions were changed: its scores are not those of the run
  several: { ...regression, figures: regression.figures.filter((name) => name !== "steps-change") },
  classification: {
    sections: ["scores", "curves", "classes", "where", "worst", "repeat", "settings"],
    figures: ["learning", "loss", "roc", "probabilities", "reliability", "elements", "size", "crystal"],
    point: "roc",
  },
  study: { sections: ["settings-table", "compare", "differences", "curves", "runs", "repeat"], figures: ["compare", "study-curves"], point: "compare" },
  // A study with nothing but runs of elsewhere: no curves, and a word about it.
  taken: { sections: ["settings-table", "compare", "curves", "repeat"], figures: ["compare"], point: "compare" },
  // Studies without a run that is done.
  waiting: { sections: ["settings-table", "runs", "repeat"], figures: [] },
  failed: { sections: ["settings-table", "runs", "repeat"], figures: [] },
}[kind];

// Colours that a canvas shows: a figure that was drawn has several.
const shades = (name) => `(() => {
  const canvas = document.querySelector('[data-figure="${name}"] canvas');
  if (!canvas) return -1;
  const { width, height } = canvas, pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data, seen = new Set();
  for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3]) seen.add((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]);
  return seen.size;
})()`;

// Texts that stick out of their figure, as far as a figure is drawn: "figure: text".
const cut = `window.recrystFigures.filter((f) => f.chart).flatMap((f) => {
  const width = f.chart.getWidth(), height = f.chart.getHeight(), found = [];
  for (const element of f.chart.getZr().storage.getDisplayList(true)) {
    const text = element.style?.text;
    if (text == null || text === "" || element.ignore || element.invisible) continue;
    const box = element.getBoundingRect().clone();
    if (element.transform) box.applyTransform(element.transform);
    if (box.x < -2 || box.y < -2 || box.x + box.width > width + 2 || box.y + box.height > height + 2) found.push(f.name + ": " + text);
  }
  return found;
})`;

async function common(tab, where) {
  const out = await tab.eval(cut);
  check(out.length === 0, `${where}: cut off: ${out.join("; ")}`);
  const [scroll, width] = await tab.eval("[document.documentElement.scrollWidth, document.documentElement.clientWidth]");
  check(scroll <= width, `${where}: the page is ${scroll} wide, the window ${width}`);
  check(tab.problems.length === 0, `${where}: ${tab.problems.join("; ")}`);
  const foreign = tab.requests.filter((u) => !/^(file|data|blob|about):/.test(u));
  check(foreign.length === 0, `${where}: the page asks for ${foreign.join(", ")}`);
}

async function contents(tab) {
  for (const id of expected.sections) check(await tab.eval(`!!document.getElementById("${id}")`), `no section ${id}`);
  for (const name of expected.figures) {
    check(await tab.eval(`!!document.querySelector('[data-figure="${name}"]')`), `no figure ${name}`);
    if (!["elements", "crystal"].includes(name)) {
      const n = await tab.eval(shades(name));
      check(n >= 4, `figure ${name}: ${n} colours`);
    }
  }
  check(await tab.eval("[...document.querySelectorAll('main h2')].every((h) => h.textContent.trim() !== '')"), "an empty heading");
}

// The pointer finds what a figure says of a point.
async function pointer(tab) {
  const name = expected.point;
  await tab.eval(`document.querySelector('[data-figure="${name}"]').scrollIntoView({ block: "center", behavior: "instant" })`);
  await tab.until(`document.querySelector('[data-figure="${name}"] .plot').dataset.drawn === "yes"`);
  const [x, y] = await tab.eval(`(() => {
    const figure = window.recrystFigures.find((f) => f.name === "${name}"), box = figure.place.getBoundingClientRect();
    const series = figure.chart.getOption().series[0], at = series.data[Math.floor(series.data.length / 2)];
    const [x, y] = figure.chart.convertToPixel({ seriesIndex: 0 }, at.value ?? at);
    return [box.left + x, box.top + y];
  })()`);
  await tab.move(x - 3, y - 3);
  await tab.move(x, y);
  const said = `[...document.querySelectorAll('[data-figure="${name}"] .plot > div')].map((d) => d.style.visibility !== "hidden" && Number(d.style.opacity || 1) > 0 ? d.textContent : "").join("")`;
  try {
    await tab.until(`/\\d/.test(${said})`, 5);
  } catch {
    failures.push(`the pointer on ${name} says nothing`);
  }
  await tab.move(5, 400);
}

async function keyboard(tab) {
  const name = expected.point;
  await tab.eval(`document.querySelector('[data-figure="${name}"] .plot').focus()`);
  await tab.press("ArrowRight");
  try {
    await tab.until(`[...document.querySelectorAll('[data-figure="${name}"] .plot > div')].some((d) => /\\d/.test(d.textContent))`, 5);
  } catch {
    failures.push(`arrow keys on ${name} say nothing`);
  }
}

async function crystal(tab) {
  await tab.eval(`document.getElementById("worst").scrollIntoView({ behavior: "instant" })`);
  await tab.until("Number(document.querySelector('.viewer').dataset.atoms) > 0");
  const before = await tab.eval("document.querySelector('[data-figure=crystal] h3').textContent");
  await tab.eval("document.querySelector('.worst tbody tr').focus()");
  await tab.press("ArrowDown");
  const after = await tab.eval("document.querySelector('[data-figure=crystal] h3').textContent");
  check(before !== after && after !== "", `the second worst crystal is "${after}", the worst "${before}"`);
  check(await tab.eval("!!document.querySelector('.viewer canvas')"), "no view of the crystal");
}

async function elements(tab) {
  const used = await tab.eval("[...document.querySelectorAll('.el')].filter((e) => /crystal/.test(e.ariaLabel)).length");
  check(used > 0, "no element has a colour");
  await tab.eval("[...document.querySelectorAll('.el')].find((e) => /crystal/.test(e.ariaLabel)).focus()");
  check(await tab.eval("/over \\d/.test(document.querySelector('.pt-card [role=status]').textContent)"), "an element in focus says nothing");
}

const value = (text) => Number(text.replaceAll("−", "-").replaceAll(",", ""));
const cells = (rows) => `[...document.querySelectorAll("${rows}")].map((row) => [...row.children].map((cell) => cell.textContent))`;

// The page computes the scores from its rows; they are those that the run has.
async function scores(tab) {
  const summary = JSON.parse(beside("run_summary.json")), names = { training: "train", validation: "val", test: "test" };
  const rows = await tab.eval(cells("#scores tbody tr"));
  check(rows.length === 3, `${rows.length} rows of scores`);
  for (const [part, , mae, , r2] of rows)
    for (const [name, text] of [["mae", mae], ["r2", r2]]) {
      const wanted = summary[`${names[part]}_${name}`];
      check(Math.abs(value(text) - wanted) <= 1e-3 * Math.abs(wanted), `${part}: ${name} is ${text}, and ${wanted} in the run`);
    }
}

// Differences between the baseline, which is the second of three settings, and each other one.
async function differences(tab) {
  const [, ...table] = beside("differences.csv").trim().split("\n").map((line) => line.split(","));
  const wanted = new Map(table.filter((d) => d[2] === "test_mae").map((d) => [`${d[0]},${d[1]}`, d]));
  const rows = await tab.eval(cells("#differences section > .scroll tbody tr, #differences > .scroll tbody tr"));
  check(rows.map((r) => r[0]).join() === "steps=1 − steps=2,steps=3 − steps=2", `differences: ${rows.map((r) => r[0]).join()}`);
  const [before, after] = [wanted.get("steps=1,steps=2"), wanted.get("steps=2,steps=3")], near = (a, b) => Math.abs(a - b) <= 0.01 * Math.abs(b);
  check(rows.length === 2 && near(value(rows[0][1]), -before[4]) && rows[0][5] === `${before[3] - before[8]} of ${before[3]}`, `the first difference is ${rows[0]}, and ${before} the other way round`);
  check(rows.length === 2 && near(value(rows[1][1]), Number(after[4])) && rows[1][5] === `${after[8]} of ${after[3]}`, `the second difference is ${rows[1]}, and ${after}`);
}

// A finger that begins on a figure scrolls the page, unless the figure is zoomed in.
async function swipe(tab, name) {
  await tab.eval(`document.querySelector('[data-figure="${name}"]').scrollIntoView({ block: "center", behavior: "instant" })`);
  await tab.eval("new Promise((resolve) => setTimeout(resolve, 300))");
  const [x, y, before] = await tab.eval(`(() => { const box = document.querySelector('[data-figure="${name}"] .plot').getBoundingClientRect(); return [box.left + box.width / 2, box.top + box.height / 2, scrollY]; })()`);
  await tab.touch("touchStart", x, y);
  for (let i = 1; i <= 10; i++) await tab.touch("touchMove", x, y - 12 * i);
  await tab.touch("touchEnd");
  await tab.eval("new Promise((resolve) => setTimeout(resolve, 300))");
  return (await tab.eval("scrollY")) - before;
}
async function fingers(tab) {
  for (const name of ["learning", "parity-test"]) {
    let far = await swipe(tab, name);
    check(far > 50, `a finger on ${name} scrolls the page by ${far}`);
    const chart = `window.recrystFigures.find((f) => f.name === "${name}").chart`;
    await tab.eval(`${chart}.dispatchAction({ type: "dataZoom", start: 30, end: 70 })`);
    far = await swipe(tab, name);
    check(Math.abs(far) < 5, `a finger on ${name}, zoomed in, scrolls the page by ${far}`);
    const zoom = await tab.eval(`JSON.stringify(${chart}.getOption().dataZoom.map((z) => [z.start, z.end]))`);
    if (name === "parity-test") check(zoom !== "[[30,70],[30,70]]", `a finger on ${name}, zoomed in, does not move it`);
    await tab.eval(`${chart}.dispatchAction({ type: "dataZoom", start: 0, end: 100 })`);
    far = await swipe(tab, name);
    check(far > 50, `a finger on ${name}, back to all of it, scrolls the page by ${far}`);
  }
}

// The SVG that a figure's button gives, without the names that are new in each.
const svg = (name) => `(async () => {
  const make = URL.createObjectURL;
  let blob;
  URL.createObjectURL = (b) => make.call(URL, (blob = b));
  document.querySelector('[data-figure="${name}"] button.tool').click();
  URL.createObjectURL = make;
  return (await blob.text()).replace(/(zr|cls-|c)\\d+/g, "");
})()`;
// It shows what the figure does: the range that is zoomed to, and no series that was switched off.
async function saved(tab) {
  const chart = 'window.recrystFigures.find((f) => f.name === "learning").chart';
  const all = await tab.eval(svg("learning"));
  await tab.eval(`${chart}.dispatchAction({ type: "dataZoom", start: 40, end: 70 })`);
  const zoomed = await tab.eval(svg("learning"));
  await tab.eval(`${chart}.dispatchAction({ type: "dataZoom", start: 0, end: 100 })`);
  await tab.eval(`${chart}.dispatchAction({ type: "legendUnSelect", name: "training MAE" })`);
  const one = await tab.eval(svg("learning"));
  await tab.eval(`${chart}.dispatchAction({ type: "legendSelect", name: "training MAE" })`);
  check(/<svg/.test(all) && all === (await tab.eval(svg("learning"))), "the SVG of a figure that shows all of itself changes");
  check(zoomed !== all, "the SVG of a figure that is zoomed in shows all of it");
  check(one !== all, "the SVG of a figure shows the series that was switched off");
}

// A figure and a heading name the unit of the target that was chosen.
async function units(tab) {
  const title = `[window.recrystFigures.find((f) => f.name === "target").chart.getOption().xAxis[0].name, document.querySelector('[data-figure=elements] h3').textContent].join("; ")`;
  const choose = (k) => `(() => { const s = document.querySelectorAll("#where .controls select")[1]; s.value = ${k}; s.dispatchEvent(new Event("change")); })()`;
  for (const [k, unit] of [[1, "GPa"], [0, "eV"]]) {
    await tab.eval(choose(k));
    const said = await tab.eval(title), found = said.match(/\(\w+\)/g) ?? [];
    check(found.length === 2 && found.every((u) => u === `(${unit})`), `target ${k}, in ${unit}: ${said}`);
  }
}

const background = "getComputedStyle(document.body).backgroundColor";
const browser = await Browser.start(chromium);
try {
  const tab = await browser.open(url, { width: 1280, height: 900 });
  await tab.seeAll();
  await contents(tab);
  if (expected.point) {
    await pointer(tab);
    await keyboard(tab);
  }
  if (kind === "regression") await scores(tab);
  if (kind === "study") await differences(tab);
  if (kind === "regression") await saved(tab);
  if (kind === "odd") {
    const sizes = await tab.eval('window.recrystFigures.find((f) => f.name === "size").chart.getOption().series[0].data.map(([x]) => x)');
    check(sizes.length > 0 && sizes.every((x) => x >= 1), `sizes of cells, some unknown: ${sizes}`);
  }
  if (kind === "classification") {
    const said = await tab.eval('(({ yAxis, legend }) => [yAxis[0].name, ...legend[0].data].join())(window.recrystFigures.find((f) => f.name === "learning").chart.getOption())');
    check(said === "score,training accuracy,validation ROC AUC", `accuracy and ROC AUC on one axis: ${said}`);
  }
  if (kind === "several") {
    await units(tab);
    const rows = (await tab.eval(cells("#scores tbody tr")))[2][1], said = await tab.eval(`document.querySelector('[data-figure="steps-error"] figcaption')?.textContent`);
    check(Number(rows) < 150 && said === `Of ${rows} test crystals.`, `errors after each step: "${said}", and ${rows} test rows have the target`);
  }
  if (kind === "waiting" || kind === "failed") {
    check(/No run of this study is done yet/.test(await tab.eval("document.querySelector('main').textContent")), "not said that no run is done");
    const all = await tab.eval(cells("#runs details tbody tr"));
    check(all.length === 6 && all.every((row) => row.includes(kind)), `runs: ${all.join("; ")}`);
    check(await tab.eval("document.querySelector('#runs details').open"), "the list of runs is closed");
    const why = await tab.eval(cells("#runs > .scroll tbody tr"));
    check(why.length === (kind === "failed" ? 6 : 0) && why.every((row) => /nothing/.test(row[1])), `reasons: ${why.join("; ")}`);
  }
  if (kind === "taken") {
    const said = await tab.eval('document.getElementById("curves").textContent');
    check(/6 runs taken from study\/study.csv have no curve here/.test(said), `learning curves of taken runs: ${said}`);
  }
  if (expected.figures.includes("elements")) {
    await elements(tab);
    await crystal(tab);
  }
  await common(tab, "light");
  if (extent === "short") throw null;
  // The button goes from the system's theme to light to dark.
  const light = await tab.eval(background);
  await tab.eval("document.getElementById('theme').click(); document.getElementById('theme').click()");
  check((await tab.eval(background)) !== light, "the button does not darken the page");
  await common(tab, "darkened");
  await tab.close();

  const dark = await browser.open(url, { dark: true });
  await dark.eval("localStorage.clear()").catch(() => {});
  const back = await dark.eval(`(() => { const [r, g, b] = ${background}.match(/\\d+/g).map(Number); return r + g + b; })()`);
  check(back < 150, `dark: the background adds up to ${back}`);
  await dark.seeAll();
  await common(dark, "dark");
  await dark.close();

  const phone = await browser.open(url, { width: 390, height: 844, phone: true });
  await phone.seeAll();
  await common(phone, "390 pixels");
  const small = await phone.eval("[...document.querySelectorAll('main p, main td, main dd')].filter((e) => e.offsetParent && parseFloat(getComputedStyle(e).fontSize) < 12).length");
  check(small === 0, `390 pixels: ${small} texts below 12 pixels`);
  await phone.send("Emulation.setTouchEmulationEnabled", { enabled: true, maxTouchPoints: 2 });
  await phone.send("Page.navigate", { url });
  await phone.until("document.readyState === 'complete'");
  await phone.seeAll();
  await fingers(phone);
  await phone.close();
} catch (error) {
  if (error) failures.push(error.stack);
}
await browser.stop();
for (const failure of failures) console.log(`${kind}: ${failure}`);
if (failures.length === 0) console.log(`${kind}: the page is as it should be`);
process.exit(failures.length === 0 ? 0 : 1);
