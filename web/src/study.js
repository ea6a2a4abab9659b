// The report of a study: settings against each other.
import { axis, band, errorBars, figure, yAxis } from "./charts.js";
import { count, data, escapeHtml, h, least, most, number, plural, section, table } from "./base.js";
import { copyButton } from "./settings.js";
import { mean, quantile } from "./model.js";

const S = data.summary ?? {};
const label = { mae: "MAE", scaled_mae: "scaled MAE", rmse: "RMSE", r2: "R²", auc: "ROC AUC", accuracy: "accuracy", f1: "F1", precision: "precision", recall: "recall", loss: "loss" };
// The unit of a score, of several targets that of the one it is of; a scaled MAE has none.
const unitOf = (score) => {
  const found = /^[a-z]+_(?:mae|rmse)(?:_(.+))?$/.exec(score), target = found?.[1], units = (S.unit ?? "").split(",");
  if (!found || target == null) return found ? S.unit ?? "" : "";
  return units.length === 1 ? units[0] : units[(S.target ?? "").split(",").indexOf(target)] ?? "";
};
const scoreName = (score) => {
  const [part, ...rest] = score.split("_");
  return `${part === "val" ? "validation" : part} ${label[rest.join("_")] ?? rest.join(" ")}`;
};
const withUnit = (score) => `${scoreName(score)}${unitOf(score) ? ` (${unitOf(score)})` : ""}`;
const settings = S.settings ?? [];
// Runs that were trained elsewhere: a table has their scores, and nothing else of them is here.
const taken = (data.runs ?? []).filter((r) => r.taken);
const get = (setting, score) => setting.scores?.[score] ?? {};
// Columns that all of the table's readers want: the main score, then the test and validation scores there are.
const scores = [...new Set(settings.flatMap((s) => Object.keys(s.scores ?? {})))].filter((s) => !s.startsWith("train_"));
// Until the first run is done there is none, and then no score is shown anywhere.
const main = S.main_score ?? scores[0];
const pm = (s) => (s.n ? `${number(s.mean, 4)}${s.sd != null ? ` ± ${number(s.sd, 2)}` : ""}` : "–");
const swatch = (i) => h("i.swatch", { style: `background:var(--s${colorOf(i)})` });
const colorOf = (i) => [2, 1, 3, 4, 5, 6, 7, 0][i % 8];
const falls = (score) => !/(r2|auc|accuracy|f1|precision|recall)/.test(score);

function head() {
  const page = document.getElementById("page"), runs = S.runs ?? {};
  page.append(h("h1", data.title), h("p.lead", `${plural(settings.length, "setting")} compared over ${[plural((S.seeds ?? []).length || 1, "seed"), S.folds > 0 && plural(S.folds, "fold"), S.repeats > 1 && plural(S.repeats, "repeat")].filter(Boolean).join(", ")}.`));
  const ranked = settings.filter((s) => get(s, main).n).sort((a, b) => (falls(main) ? 1 : -1) * (get(a, main).mean - get(b, main).mean));
  const tile = (value, unit, text) => h("div.tile", h("b", value, unit && h("small", ` ${unit}`)), h("span", text));
  const tiles = h("div.tiles");
  if (ranked.length) tiles.append(tile(number(get(ranked[0], main).mean, 4), unitOf(main), `best mean ${scoreName(main)}: ${ranked[0].name}`));
  const base = settings.find((s) => s.name === S.baseline);
  if (base && ranked.length && base !== ranked[0]) tiles.append(tile(number(get(base, main).mean, 4), unitOf(main), `baseline: ${base.name}`));
  tiles.append(tile(count(runs.done ?? data.runs.filter((r) => r.status === "done").length), `of ${count(data.runs.length)}`, `runs done${taken.length ? `, ${count(taken.length)} of them taken from elsewhere` : ""}`));
  page.append(tiles);
  if (!ranked.length) page.append(h("p.lead", "No run of this study is done yet, so that there is nothing to compare."));
}

function settingsTable() {
  const varied = [...new Set(settings.flatMap((s) => Object.keys(s.options ?? {})))];
  const rows = settings.map((s, i) => [h("span", swatch(i), s.name), ...varied.map((v) => s.options?.[v] ?? "–"), s.parameters ? count(s.parameters) : "–", String(get(s, main).n ?? 0), ...scores.map((score) => pm(get(s, score)))]);
  section("settings-table", "Settings", "Settings", scores.length > 0 && h("p.lead", "Mean ± sample standard deviation over seeds, repeats and folds."),
    table(["setting", ...varied, "parameters", "runs", ...scores.map(withUnit)], rows));
}

// Every run a dot, every mean with its standard error.
function compare() {
  const state = { score: main };
  const runsOf = (name) => data.runs.filter((r) => r.setting === name && r.status === "done" && r[state.score] !== "" && r[state.score] != null);
  const order = [...settings].reverse();
  const widest = most(settings.map((s) => s.name.length));
  const card = figure({
    name: "compare", title: "Settings compared", height: Math.max(200, 76 + 34 * settings.length), note: "Dots: runs; bars: mean and its standard error.",
    keys: { series: 0, order: order.map((_, i) => i).reverse() },
    option: (c) => ({
      grid: { left: Math.min(30 + 6.4 * widest, Math.min(320, 0.42 * Math.min(innerWidth, 1200))), right: 24, top: 10, bottom: 46 },
      tooltip: { trigger: "item", formatter: (i) => (i.seriesIndex === 0 ? (() => { const s = get(order[i.dataIndex], state.score); return `<b>${escapeHtml(order[i.dataIndex].name)}</b><br>${escapeHtml(scoreName(state.score))} <b>${number(s.mean, 5)}</b>${s.sd != null ? ` ± ${number(s.sd, 3)}` : ""}<br>${plural(s.n ?? 0, "run")}`; })() : `<b>${escapeHtml(i.data[2])}</b><br>${number(i.data[0], 5)}`) },
      xAxis: axis(c, withUnit(state.score)),
      yAxis: { type: "category", data: order.map((s) => s.name), axisTick: { show: false }, axisLine: { lineStyle: { color: c.rule } }, axisLabel: { color: c.text, fontSize: 11.5, width: Math.min(300, 0.38 * Math.min(innerWidth, 1200)), overflow: "truncate" }, splitLine: { show: true, lineStyle: { color: c.grid } } },
      series: [
        { type: "scatter", symbol: "diamond", symbolSize: 12, z: 6, data: order.map((s, i) => ({ value: [get(s, state.score).mean ?? null, i], itemStyle: { color: c.series[colorOf(settings.indexOf(s))] } })) },
        { type: "scatter", symbolSize: 6, data: order.flatMap((s, i) => runsOf(s.name).map((r) => ({ value: [Number(r[state.score]), i, r.run], itemStyle: { color: c.series[colorOf(settings.indexOf(s))], opacity: 0.45 } }))), tooltip: { formatter: (i) => `${escapeHtml(i.value[2])}<br><b>${number(i.value[0], 5)}</b>` } },
        { ...errorBars(c.text, true), data: order.map((s, i) => { const q = get(s, state.score); return [q.mean, i, q.mean - (q.se ?? 0), q.mean + (q.se ?? 0)]; }).filter((d) => d[0] != null), encode: { x: [2, 3], y: 1 } },
      ],
    }),
  });
  const choose = h("div.controls", h("label", "Score", h("select", { onchange: (e) => { state.score = e.target.value; card.redraw(); } }, scores.map((s) => h("option", { value: s, selected: s === main }, withUnit(s))))));
  section("compare", "Comparison", "Comparison", choose, card);
}

// The pair the other way round.  Pairs of runs that are alike are won by neither.
function turned(d) {
  const key = (r) => [r.seed, r.repeat, r.fold].join();
  const scoreOf = (name) => new Map(data.runs.filter((r) => r.setting === name && r.status === "done" && r[main]).map((r) => [key(r), Number(r[main])]));
  const other = scoreOf(d.a), alike = [...scoreOf(d.b)].filter(([k, v]) => other.get(k) === v).length;
  return { ...d, a: d.b, b: d.a, mean: -d.mean, wins: Math.max(0, d.n - d.wins - alike) };
}
function differences() {
  // Each pair is there once, in the order of the settings; the baseline may be either of it.
  const list = (S.differences ?? []).filter((d) => d.score === main && d.n > 0);
  if (!list.length) return;
  const base = S.baseline, ofBase = (d) => d.a === base || d.b === base;
  const first = list.filter(ofBase).map((d) => (d.a === base ? d : turned(d))), rest = list.filter((d) => !ofBase(d));
  const row = (d) => {
    const se = d.se_resampled ?? d.se;
    return [`${d.b} − ${d.a}`, number(d.mean, 3), d.sd != null ? number(d.sd, 3) : "–", se != null ? number(se, 3) : "–", se ? number(d.mean / se, 2) : "–", `${d.wins} of ${d.n}`];
  };
  const columns = ["difference", `mean${unitOf(main) ? ` (${unitOf(main)})` : ""}`, "sd", "standard error", "mean / standard error", "first is better"];
  section("differences", "Paired differences", "Differences",
    h("p.lead", `Of ${scoreName(main)}, between runs of the same seed, repeat and fold. The standard error is the corrected one of Nadeau and Bengio where the splits differ: runs on the same rows are not independent.`),
    table(columns, (first.length ? first : list).map(row)),
    first.length && rest.length > 0 && h("details", h("summary", `All other pairs (${rest.length})`), table(columns, rest.map(row))));
}

function curves() {
  const name = data.curves[0]?.name;
  const absent = taken.length > 0 && ` ${plural(taken.length, "run")} taken from ${[...new Set(taken.map((r) => r.taken))].join(", ")} ${taken.length === 1 ? "has" : "have"} no curve here.`;
  if (!name) {
    if (absent) section("curves", "Learning curves", "Learning curves", h("p.lead", absent));
    return;
  }
  const lines = settings.map((s, i) => {
    const all = data.curves.filter((c) => c.setting === s.name).map((c) => c.value), length = most([0, ...all.map((v) => v.length)]);
    const at = Array.from({ length }, (_, e) => all.map((v) => v[e]).filter((v) => v != null).sort((a, b) => a - b));
    return { name: s.name, color: colorOf(i), mean: at.map((v) => mean(v).mean), low: at.map((v) => quantile(v, 0)), high: at.map((v) => quantile(v, 1)), n: all.length };
  }).filter((line) => line.n > 0);
  const falling = falls(name), values = lines.flatMap((l) => l.mean).filter((v) => v > 0);
  section("curves", "Learning curves", "Learning curves", h("p.lead", "Mean over the runs of a setting; with few settings the band goes from the lowest to the highest run.", absent),
    figure({
      name: "study-curves", title: withUnit(name), height: 400, keys: { series: 0, order: (lines[0]?.mean ?? []).map((_, i) => i) },
      option: (c) => ({
        legend: { type: "scroll", pageIconColor: c.text, pageIconInactiveColor: c.rule, pageTextStyle: { color: c.soft }, data: lines.map((l) => l.name) },
        tooltip: { trigger: "axis", formatter: (items) => `epoch ${items[0].data[0]}<br>${items.map((i) => `${i.marker}${escapeHtml(i.seriesName)} <b>${number(i.data[1], 4)}</b>`).join("<br>")}`, axisPointer: { type: "line", lineStyle: { color: c.soft } } },
        xAxis: axis(c, "epoch", { min: 1, minInterval: 1, splitLine: { show: false } }),
        yAxis: yAxis(c, withUnit(name), falling && values.length && most(values) > 4 * least(values) ? { type: "log" } : {}),
        series: [...lines.map((l) => ({ type: "line", name: l.name, symbol: "none", lineStyle: { width: 1.8, color: c.series[l.color] }, itemStyle: { color: c.series[l.color] }, data: l.mean.map((v, e) => [e + 1, v]) })),
          ...(lines.length <= 4 ? lines.filter((l) => l.n > 1).map((l) => band(`${l.name}\u200b`, l.mean.map((_, e) => e + 1), l.low, l.high, c.series[l.color])) : [])],
      }),
    }));
}

function runs() {
  const failed = data.runs.filter((r) => r.status === "failed"), done = data.runs.some((r) => r.status === "done");
  const columns = ["run", "setting", "seed", "repeat", "fold", "status", "taken", "best_epoch", "seconds"].filter((k) => data.runs.some((r) => r[k]));
  const all = table([...columns, ...(main ? [withUnit(main)] : [])], data.runs.map((r) => [...columns.map((k) => r[k] || "–"), ...(main ? [r[main] ? number(Number(r[main]), 5) : "–"] : [])]));
  section("runs", "Runs", "Runs",
    failed.length > 0 && h("p.lead", `${plural(failed.length, "run")} failed:`),
    failed.length > 0 && table(["run", "reason"], failed.map((r) => [r.run, r.error || "–"]), { class: "wrap" }),
    h("details", { open: !done }, h("summary", `All ${count(data.runs.length)} runs`), all));
}

export function studyPage() {
  head();
  settingsTable();
  if (main) compare();
  differences();
  curves();
  runs();
  if (data.repeat)
    section("repeat", "Repeat this study", "Repeat", h("pre", { tabindex: "0" }, data.repeat), h("p.lead", "with this study.toml:"), copyButton(data.file), h("pre", { tabindex: "0" }, data.file));
}
