// Where the errors are: by element, size, target and space group.
import { axis, band, errorBars, figure, yAxis } from "./charts.js";
import { colors, count, data, escapeHtml, h, number, onTheme, percent, plural, section } from "./base.js";
import { digitsOf, elementsOf, errorName, errors, groupName, isClass, mean, parts, quantile, systemOf, systems, targets, unitOf, withUnit } from "./model.js";
import { places } from "./periodic.js";

const FEW = 5; // crystals; a mean over fewer says little
const shown = (v, k) => (isClass ? percent(v) : `${number(v, 3)}${unitOf(k) ? ` ${unitOf(k)}` : ""}`);

// Standard error of a mean.
function meanError(values) {
  const { mean: m, n } = mean(values);
  let sum = 0;
  for (const v of values) if (Number.isFinite(v)) sum += (v - m) ** 2;
  return { mean: m, n, se: n > 1 ? Math.sqrt(sum / (n - 1) / n) : NaN };
}

// Parts to choose from: each one, and validation and test together, which the network was not trained on.
function choices() {
  const list = parts.map((part) => [part.name, [part]]);
  if (parts.length === 3) list.push(["validation and test", [parts[1], parts[2]]]);
  return list.reverse();
}
// [{error, row, part}] of the chosen parts.
function pick(chosen, k) {
  const rows = [];
  for (const part of chosen) {
    const error = errors(part, k);
    for (let i = 0; i < error.length; i++) if (Number.isFinite(error[i])) rows.push({ error: error[i], part, i });
  }
  return rows;
}

// ---- elements
function mix(from, to, share) {
  const at = (color) => [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
  const [a, b] = [at(from), at(to)];
  return a.map((v, i) => Math.round(v + (b[i] - v) * share));
}
const luminance = ([r, g, b]) => (0.299 * r + 0.587 * g + 0.114 * b) / 255;

function elementTable(state) {
  const cells = new Map();
  const detail = h("p.note", { role: "status", "aria-live": "polite" });
  const low = h("span"), high = h("span");
  const heading = h("h3"), grid = h("div.pt", { role: "group", "aria-label": "Periodic table: mean error of the crystals that hold an element" });
  let stats = new Map();
  const show = (symbol) => {
    const s = stats.get(symbol);
    detail.textContent = s ? `${symbol}: ${errorName} ${shown(s.mean, state.k)} over ${plural(s.n, "crystal")}${s.n > 1 ? `, standard error ${shown(s.se, state.k)}` : ""}` : `${symbol}: in no crystal of this part`;
    for (const [name, cell] of cells) cell.classList.toggle("on", name === symbol);
  };
  places.forEach(([symbol, row, column]) => {
    const cell = h("button.el", { type: "button", tabindex: "-1", style: `grid-row:${row + 1 + (row > 6 ? 1 : 0)};grid-column:${column + 1}`, onmouseenter: () => show(symbol), onfocus: () => show(symbol), onclick: () => show(symbol) });
    cells.set(symbol, cell);
    grid.append(cell);
  });
  grid.append(h("div.gap", { style: "grid-row:8" }));
  // One stop for the tab key; arrows move on from there.
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    const at = places.find(([s]) => cells.get(s) === document.activeElement);
    if (!step || !at) return;
    event.preventDefault();
    for (let r = at[1] + step[0], c = at[2] + step[1], n = 0; n < 18; r += step[0], c += step[1], n++) {
      const next = places.find(([, row, column]) => row === r && column === c);
      if (next) {
        cells.get(at[0]).tabIndex = -1;
        cells.get(next[0]).tabIndex = 0;
        return cells.get(next[0]).focus();
      }
    }
  });
  cells.get("H").tabIndex = 0;
  const paint = () => {
    const c = colors();
    const known = [...stats.values()].filter((s) => s.n >= FEW).map((s) => s.mean).sort((a, b) => a - b);
    const from = quantile(known, 0.02), to = quantile(known, 0.98);
    low.textContent = known.length ? shown(from, state.k) : "–";
    high.textContent = known.length ? shown(to, state.k) : "–";
    for (const [symbol, cell] of cells) {
      const s = stats.get(symbol);
      cell.className = `el${s ? (s.n < FEW ? " few" : "") : " none"}`;
      cell.replaceChildren(symbol, s ? h("small", isClass ? number(100 * s.mean, 2) : number(s.mean, 2)) : "");
      cell.setAttribute("aria-label", s ? `${symbol}, ${shown(s.mean, state.k)}, ${plural(s.n, "crystal")}` : `${symbol}, none`);
      if (s) {
        const rgb = mix(c.low, c.high, Math.min(1, Math.max(0, (s.mean - from) / (to - from || 1))));
        cell.style.background = "";
        cell.style.backgroundColor = `rgb(${rgb})`;
        cell.style.color = luminance(rgb) > 0.55 ? "#15181c" : "#f5f6f7";
      } else cell.style.backgroundColor = cell.style.color = "";
    }
  };
  const update = () => {
    heading.textContent = isClass ? "Share wrong, crystals that hold the element (%)" : withUnit("Mean absolute error of the crystals that hold the element", state.k);
    const groups = new Map();
    for (const { error, part, i } of pick(state.chosen, state.k))
      for (const symbol of elementsOf(part.formula[i])) {
        if (!groups.has(symbol)) groups.set(symbol, []);
        groups.get(symbol).push(error);
      }
    stats = new Map([...groups].map(([symbol, list]) => [symbol, meanError(list)]));
    const worst = [...stats].filter(([, s]) => s.n >= FEW).sort((a, b) => b[1].mean - a[1].mean).slice(0, 5);
    detail.textContent = worst.length ? `Largest: ${worst.map(([symbol, s]) => `${symbol} ${shown(s.mean, state.k)}`).join(", ")}.` : "";
    paint();
  };
  onTheme(paint);
  state.updates.push(update);
  return h("div.card.pt-card", { "data-figure": "elements" }, h("header", heading),
    grid, h("div.scale", low, h("i"), high, h("span", `striped: fewer than ${FEW} crystals`)), detail);
}

// ---- a number along x in bins of equal counts: mean error with its standard error, and the middle 80 %
function binned(state, { name, title, x, xTitle, logarithmic, whole, note, digits = () => 5 }) {
  let bins = [];
  const update = () => {
    const rows = pick(state.chosen, state.k).map((r) => [x(r), r.error]).filter(([v]) => Number.isFinite(v)).sort((a, b) => a[0] - b[0]);
    const wanted = Math.max(1, Math.min(24, Math.floor(rows.length / 20))), size = rows.length / wanted;
    bins = [];
    for (let from = 0; from < rows.length;) {
      let to = Math.min(rows.length, Math.round((bins.length ? from : 0) + size));
      if (to <= from) to = from + 1;
      while (to < rows.length && rows[to][0] === rows[to - 1][0]) to++; // equal values stay together
      if (rows.length - to < size / 2) to = rows.length;
      const part = rows.slice(from, to), error = part.map((r) => r[1]).sort((a, b) => a - b);
      bins.push({ low: part[0][0], high: part[part.length - 1][0], at: quantile(part.map((r) => r[0]), 0.5), ...meanError(error), q10: quantile(error, 0.1), q90: quantile(error, 0.9) });
      from = to;
    }
    card.redraw();
  };
  const card = figure({
    name, title, note, height: 290, keys: { series: 0, order: Array.from({ length: 24 }, (_, i) => i) },
    option: (c) => ({
      tooltip: {
        trigger: "axis", axisPointer: { type: "line", lineStyle: { color: c.soft } },
        formatter: (items) => {
          const b = bins[items[0].dataIndex];
          return b && `${escapeHtml(xTitle())} ${b.low === b.high ? number(b.low, digits()) : `${number(b.low, digits())} to ${number(b.high, digits())}`}<br>${plural(b.n, "crystal")}<br>${errorName} <b>${escapeHtml(shown(b.mean, state.k))}</b>${isClass ? "" : `<br>80 % lie in ${number(b.q10, 3)} to ${number(b.q90, 3)}`}`;
        },
      },
      xAxis: axis(c, xTitle(), { axisLabel: { ...axis(c).axisLabel, formatter: (v) => number(v, digits()) }, ...(logarithmic ? { type: "log", logBase: 2 } : {}), splitLine: { show: false }, ...(whole ? { minInterval: 1 } : {}) }),
      yAxis: yAxis(c, isClass ? "share wrong" : withUnit("|prediction − target|", state.k), { min: 0 }),
      series: [
        { type: "line", data: bins.map((b) => [b.at, b.mean]), symbolSize: 6, lineStyle: { color: c.series[2], width: 2 }, itemStyle: { color: c.series[2] } },
        { ...errorBars(c.series[2]), data: bins.map((b) => [b.at, b.mean, Math.max(0, b.mean - b.se), b.mean + b.se]), encode: { x: 0, y: [2, 3] } },
        ...(isClass || !bins.length ? [] : [band("middle 80 %", bins.map((b) => b.at), bins.map((b) => b.q10), bins.map((b) => b.q90), c.series[2])]),
      ],
    }),
  });
  state.updates.push(update);
  return card;
}

// ---- groups: horizontal bars
function groups(state, { name, title, note, of, label, most, height }) {
  let bars = [];
  const update = () => {
    const lists = new Map();
    for (const r of pick(state.chosen, state.k)) {
      const key = of(r);
      if (key == null) continue;
      if (!lists.has(key)) lists.set(key, []);
      lists.get(key).push(r.error);
    }
    bars = [...lists].map(([key, list]) => ({ key, ...meanError(list) })).sort((a, b) => b.n - a.n).slice(0, most).filter((b) => b.n >= Math.min(FEW, 2)).reverse();
    card.redraw();
  };
  const card = figure({
    name, title, note, height, keys: { series: 0, order: Array.from({ length: most }, (_, i) => i) },
    option: (c) => ({
      grid: { left: 118, right: 24, top: 10, bottom: 46 },
      tooltip: { trigger: "item", formatter: ({ dataIndex: i }) => bars[i] && `<b>${escapeHtml(label(bars[i].key))}</b><br>${plural(bars[i].n, "crystal")}<br>${errorName} ${escapeHtml(shown(bars[i].mean, state.k))}, standard error ${escapeHtml(shown(bars[i].se, state.k))}` },
      xAxis: axis(c, isClass ? "share wrong" : withUnit("mean absolute error", state.k), { min: 0 }),
      yAxis: { type: "category", data: bars.map((b) => `${label(b.key)}`), axisLine: { lineStyle: { color: c.rule } }, axisTick: { show: false }, axisLabel: { color: c.text, fontSize: 11.5 } },
      series: [
        { type: "bar", data: bars.map((b) => b.mean), barWidth: "62%", itemStyle: { color: c.series[2], opacity: 0.8, borderRadius: [0, 3, 3, 0] }, label: { show: true, position: "insideLeft", formatter: ({ dataIndex: i }) => count(bars[i].n), color: "#fff", fontSize: 10.5 } },
        { ...errorBars(c.text, true), data: bars.map((b, i) => [b.mean, i, Math.max(0, b.mean - (b.se || 0)), b.mean + (b.se || 0)]), encode: { x: [2, 3], y: 1 } },
      ],
    }),
  });
  state.updates.push(update);
  return card;
}

export function analysisSections() {
  if (!parts.some((part) => part.formula)) {
    if (data.notes?.rows) section("where", "Where the errors are", "Errors", h("p.missing", data.notes.rows));
    return;
  }
  const state = { k: 0, chosen: [parts[parts.length - 1]], updates: [] };
  const list = choices();
  const refresh = () => state.updates.forEach((call) => call());
  const controls = h("div.controls",
    h("label", "Crystals of", h("select", { onchange: (e) => { state.chosen = list[e.target.value][1]; refresh(); } }, list.map(([name], i) => h("option", { value: i, selected: name === "test" }, name === "test" ? "the test part" : name === "validation and test" ? name : `the ${name} part`)))),
    targets.length > 1 && h("label", "Target", h("select", { onchange: (e) => { state.k = Number(e.target.value); refresh(); } }, targets.map((t, i) => h("option", { value: i }, t.name)))));
  const size = (r) => r.part.atoms[r.i] || NaN; // 0: unknown
  const cards = [
    binned(state, { name: "size", title: "Error against the size of the cell", x: size, xTitle: () => "atoms in the cell", logarithmic: true, whole: true, note: `Mean with its standard error${isClass ? "." : "; band: the middle 80 %."}` }),
  ];
  if (!isClass) cards.push(binned(state, { name: "target", title: "Error against the target", x: (r) => r.part.t[state.k][r.i], xTitle: () => withUnit("target", state.k), note: "Groups of crystals of about equal size.", digits: () => digitsOf(state.k, 0.01, 5) }));
  if (parts.some((part) => part.sg)) {
    const sg = (r) => r.part.sg?.[r.i] || null;
    const rank = new Map(systems.map(([, name], i) => [name, i]));
    cards.push(groups(state, { name: "systems", title: "Error against the crystal system", of: (r) => (sg(r) ? systemOf(sg(r)) : null), label: (key) => key, most: rank.size, height: 290, note: "The number in a bar is that of its crystals." }));
    cards.push(groups(state, { name: "spacegroups", title: "Error against the space group", of: sg, label: groupName, most: 15, height: 420, note: "The fifteen most frequent space groups, the most frequent on top." }));
  }
  section("where", "Where the errors are", "Errors", controls, elementTable(state), h("div.grid.wide", { style: "margin-top:16px" }, cards),
    data.notes?.space_groups && h("p.note.missing", data.notes.space_groups));
  refresh();
}
