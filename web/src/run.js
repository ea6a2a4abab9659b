// The report of one training run, section by section.
import { axis, figure, yAxis } from "./charts.js";
import { count, data, escapeHtml, h, least, most, number, percent, plural, section, table } from "./base.js";
import { analysisSections } from "./analysis.js";
import { byError, classScores, digitsOf, errors, groupName, isClass, parts, quantile, rangeOf, regressionScores, targets, testPart, unitOf, withUnit } from "./model.js";
import { stepsSection, trustSections } from "./steps.js";
import { settingsSections } from "./settings.js";
import { worstSection } from "./worst.js";

const tile = (value, unit, label) => h("div.tile", h("b", value, unit && h("small", ` ${unit}`)), h("span", label));

function head() {
  const page = document.getElementById("page");
  page.append(h("h1", data.title), h("p.lead", "How well the network predicts crystals that it was not trained on."));
  const tiles = h("div.tiles");
  if (isClass) {
    const s = classScores(testPart, 0);
    tiles.append(tile(number(s.auc, 4), "", "ROC AUC, test"), tile(percent(s.accuracy), "", "accuracy, test"),
      tile(percent(Math.max(s.share, 1 - s.share)), "", "always the more frequent class"), tile(number(s.f1, 3), "", "F1 of class 1, test"));
  } else if (targets.length === 1) {
    const s = regressionScores(testPart, 0);
    tiles.append(tile(number(s.mae, 4), unitOf(0), "mean absolute error, test"), tile(number(s.rmse, 4), unitOf(0), "root mean square error, test"),
      tile(number(s.r2, 4), "", "R², test"), tile(number(s.sd, 4), unitOf(0), "standard deviation of the test targets"));
  } else {
    targets.forEach((t, k) => {
      const s = regressionScores(testPart, k);
      tiles.append(tile(number(s.mae, 4), t.unit, `mean absolute error, ${t.name}, test`));
    });
  }
  page.append(tiles, h("dl", (data.facts ?? []).flatMap(([name, value]) => [h("dt", name), h("dd", value)])));
}

function scoreRows(k) {
  return parts.map((part) => {
    if (isClass) {
      const s = classScores(part, k);
      return [part.name, count(s.n), percent(s.share), percent(s.accuracy), percent(s.precision), percent(s.recall), number(s.f1), number(s.auc), number(s.loss)];
    }
    const s = regressionScores(part, k);
    return [part.name, count(s.n), number(s.mae), number(s.rmse), number(s.r2), number(s.bias, 3), number(s.sd), number(s.mae / s.sd, 3)];
  });
}
function scoresSection() {
  const node = section("scores", "Scores", "Scores");
  targets.forEach((target, k) => {
    const u = target.unit && !isClass ? ` (${target.unit})` : "";
    if (targets.length > 1) node.append(h("h3", target.name));
    node.append(table(isClass ? ["part", "rows", "class 1", "accuracy", "precision", "recall", "F1", "ROC AUC", "log loss"]
      : ["part", "rows", `MAE${u}`, `RMSE${u}`, "R²", `bias${u}`, `sd of targets${u}`, "MAE / sd"], scoreRows(k)));
  });
}

// ---- learning curves
function curve(name, title, y, series, best, logarithmic, label) {
  const tip = (items) => `epoch ${items[0].data[0]}<br>${items.map((i) => `${i.marker}${escapeHtml(i.seriesName)} <b>${number(i.data[1], 5)}</b>`).join("<br>")}`;
  return figure({
    name, title, label, height: 310,
    keys: { series: series.length - 1, order: series[series.length - 1].y.map((_, i) => i) },
    option: (c) => ({
      legend: { data: series.map((s) => s.name) },
      tooltip: { trigger: "axis", formatter: tip, axisPointer: { type: "line", lineStyle: { color: c.soft } } },
      xAxis: axis(c, "epoch", { min: 1, max: Math.max(2, series[0].y.length), minInterval: 1, splitLine: { show: false } }),
      yAxis: yAxis(c, y, logarithmic ? logAxis(c, series.flatMap((s) => s.y)) : {}),
      dataZoom: [{ type: "inside", zoomOnMouseWheel: "ctrl" }],
      series: series.map((s, i) => ({
        type: "line", name: s.name, symbol: s.y.length > 2 ? "none" : "circle", symbolSize: 7, lineStyle: { width: 1.8, color: c.series[s.color] }, itemStyle: { color: c.series[s.color] },
        data: s.y.map((v, e) => [e + 1, logarithmic && !(v > 0) ? null : v]),
        markLine: i === series.length - 1 && best > 0 ? {
          symbol: "none", silent: true, lineStyle: { color: c.mark, type: [4, 4], width: 1 },
          label: { formatter: `kept: ${best}`, color: c.soft, fontSize: 11, position: "end", rotate: 0, distance: 4, align: best > series[0].y.length * 0.75 ? "right" : best < series[0].y.length * 0.25 ? "left" : "center" }, data: [{ xAxis: best }],
        } : undefined,
      })),
    }),
  });
}
function logAxis(c, values) {
  const { min, max, ticks } = logLimits(values);
  return {
    type: "log", logBase: 10, min, max, splitLine: { show: false },
    ...(ticks ? { axisTick: { show: true, customValues: ticks, lineStyle: { color: c.rule } }, axisLabel: { ...axis(c).axisLabel, customValues: ticks, hideOverlap: false } } : {}),
  };
}
// A logarithmic axis that begins and ends near the data, not at powers of ten.
function logLimits(values) {
  const good = values.filter((v) => v > 0 && Number.isFinite(v));
  if (!good.length) return {};
  const nice = (v, up) => {
    const power = 10 ** Math.floor(Math.log10(v));
    const steps = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];
    return power * (up ? steps.find((s) => s * power >= v * 0.9999) : [...steps].reverse().find((s) => s * power <= v * 1.0001));
  };
  const min = nice(least(good), false), max = nice(most(good), true), ticks = [];
  const parts = max / min > 300 ? [1] : max / min > 30 ? [1, 3] : max / min > 4 ? [1, 2, 3, 5] : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++)
    for (const part of parts) {
      const value = Number(`${part}e${power}`);
      if (value >= min * 0.9999 && value <= max * 1.0001) ticks.push(value);
    }
  return { min, max, ticks };
}
function curvesSection() {
  const v = data.curves;
  if (!v?.val_loss?.length) return;
  const u = unitOf(0) && !isClass && targets.length === 1 ? ` (${unitOf(0)})` : "";
  const falling = !isClass;
  const above = [...v.train_loss, ...v.val_loss].every((x) => !(x <= 0)); // the likelihood of a Gaussian falls below 0
  // Of classes the two are different scores, which share an axis.
  const same = v.train_name === v.val_name, scores = same ? v.val_name : `${v.train_name} and ${v.val_name}`;
  const cards = [
    curve("learning", scores, `${same ? v.val_name : "score"}${u}`, [
      { name: `training ${v.train_name}`, y: v.train_score, color: 0 },
      { name: `validation ${v.val_name}`, y: v.val_score, color: 1 }], v.best, falling, `Learning curve: ${scores} against the epoch`),
    curve("loss", isClass ? "Loss (negative log-likelihood)" : "Loss", isClass ? "loss" : "loss (normalised targets)", [
      { name: "training loss", y: v.train_loss, color: 0 },
      { name: "validation loss", y: v.val_loss, color: 1 }], v.best, above, "Learning curve: loss against the epoch"),
  ];
  if (new Set(v.lr).size > 1)
    cards.push(curve("lr", "Learning rate", "learning rate", [{ name: "learning rate", y: v.lr, color: 2 }], 0, least(v.lr) > 0, "Learning rate against the epoch"));
  section("curves", "Learning curves", "Learning curves",
    h("p.lead", `${data.networks > 1 ? `Of the first of the ${data.networks} networks. ` : ""}Training values are taken while the weights change, batch by batch. The dashed line marks the epoch whose weights were kept.`),
    h("div.grid.wide", cards));
}

// ---- predictions
const marks = []; // what the search found: [part, row]
export function rowTip(part, i, k) {
  const t = part.t[k][i], p = part.p[k][i], u = unitOf(k) && !isClass ? ` ${escapeHtml(unitOf(k))}` : "";
  const digits = isClass ? 5 : digitsOf(k, 1e-4, 5);
  const facts = [part.formula?.[i] && escapeHtml(part.formula[i]), part.sg?.[i] && escapeHtml(groupName(part.sg[i])), part.atoms?.[i] && plural(part.atoms[i], "atom")].filter(Boolean);
  return `<b>${escapeHtml(part.id[i])}</b>${facts.length ? `<br>${facts.join(", ")}` : ""}<br>target ${number(t, digits)}${u}<br>predicted ${number(p, digits)}${u}` +
    (part.low ? `<br>interval ${number(part.low[k][i], digits)} to ${number(part.high[k][i], digits)}` : "") + (isClass ? "" : `<br>error ${number(p - t, 3)}${u}`);
}
function parityLimits(k) {
  const [low, high] = rangeOf(k);
  const margin = 0.03 * (high - low) || 1;
  return [low - margin, high + margin];
}
function parity(part, index, k, limits) {
  const order = byError(part, k);
  const points = part.t[k].map((t, i) => [t, part.p[k][i], i]);
  const ticks = digitsOf(k, 0.02, 5), wide = 7 * (ticks - 5); // longer labels need more room
  return figure({
    name: `parity-${part.name}`, title: `${part.name[0].toUpperCase()}${part.name.slice(1)}, ${plural(order.length, "row")}`, square: true,
    label: `${part.name}: predictions against targets; arrow keys go through the rows from the largest error`,
    keys: { series: 0, order: order.slice(0, 2000) },
    option: (c) => {
      const ends = { min: limits[0], max: limits[1], axisLabel: { ...axis(c).axisLabel, showMinLabel: false, showMaxLabel: false, formatter: (v) => number(v, ticks) } };
      return {
        grid: { left: 58 + wide, right: 14, top: 10, bottom: 46 },
        tooltip: { trigger: "item", formatter: (item) => rowTip(part, item.data[2], k) },
        xAxis: axis(c, withUnit("target", k), ends),
        yAxis: yAxis(c, withUnit("prediction", k), { ...ends, nameGap: 42 + wide }),
        dataZoom: [{ type: "inside", xAxisIndex: 0, zoomOnMouseWheel: "ctrl", filterMode: "none" }, { type: "inside", yAxisIndex: 0, zoomOnMouseWheel: "ctrl", filterMode: "none" }],
        series: [
          {
            type: "scatter", data: points, large: points.length > 4000, largeThreshold: 4000, symbolSize: points.length > 4000 ? 3 : points.length > 600 ? 4.5 : 6,
            itemStyle: { color: c.series[index], opacity: points.length > 4000 ? 0.45 : 0.6 }, emphasis: { itemStyle: { opacity: 1, borderColor: c.text, borderWidth: 1.5 } },
            markLine: { silent: true, symbol: "none", lineStyle: { color: c.soft, type: [4, 4], width: 1 }, label: { show: false }, data: [[{ coord: [limits[0], limits[0]] }, { coord: [limits[1], limits[1]] }]] },
          },
          {
            type: "scatter", symbolSize: 14, z: 6, itemStyle: { color: "transparent", borderColor: c.mark, borderWidth: 2.5 },
            data: marks.filter(([p]) => p === part).map(([, i]) => [part.t[k][i], part.p[k][i], i]),
          },
        ],
      };
    },
  });
}
function search(cards, k) {
  const out = h("output.found", { for: "find" });
  const find = (event) => {
    const text = event.target.value.trim().toLowerCase();
    marks.length = 0;
    if (text)
      for (const part of parts)
        for (let i = 0; i < part.id.length && marks.length < 200; i++)
          if (part.id[i].toLowerCase() === text || (part.formula?.[i] ?? "").toLowerCase() === text) marks.push([part, i]);
    out.replaceChildren();
    if (text && !marks.length) out.append("no row of this id or formula");
    else if (marks.length === 1) {
      const [part, i] = marks[0];
      out.append(`${part.id[i]}, ${part.name}: target ${number(part.t[k][i], digitsOf(k, 1e-3, 4))}, predicted ${number(part.p[k][i], digitsOf(k, 1e-3, 4))}`);
    } else if (marks.length) out.append(`${plural(marks.length, "row")} marked`);
    for (const card of cards) card.redraw();
  };
  return h("div.controls", h("label", "Find a crystal", h("input", { type: "search", id: "find", placeholder: "id or formula", autocomplete: "off", oninput: find })), out);
}
function paritySection() {
  const node = section("parity", "Predictions against targets", "Predictions",
    h("p.lead", "Each dot is a crystal; on the dashed line prediction and target agree. Point at a dot for its id, or use the arrow keys. Hold Ctrl and turn the wheel to zoom."));
  targets.forEach((target, k) => {
    const limits = parityLimits(k);
    const cards = parts.map((part, i) => parity(part, i, k, limits));
    if (targets.length > 1) node.append(h("h3", target.name));
    if (k === 0) node.append(search(cards, k));
    node.append(h("div.grid", cards));
  });
}

// ---- classes
function classSection() {
  const s = classScores(testPart, 0);
  const roc = figure({
    name: "roc", title: `ROC curve, test (AUC ${number(s.auc, 4)})`, square: true, keys: { series: 0, order: s.roc.map((_, i) => i) },
    option: (c) => ({
      tooltip: { trigger: "axis", formatter: ([i]) => `false positive rate ${number(i.data[0], 3)}<br>true positive rate ${number(i.data[1], 3)}` },
      xAxis: axis(c, "false positive rate", { min: 0, max: 1 }), yAxis: yAxis(c, "true positive rate", { min: 0, max: 1 }),
      series: [{ type: "line", symbol: "none", data: s.roc, lineStyle: { color: c.series[2], width: 2 }, markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: c.soft, type: [4, 4] }, data: [[{ coord: [0, 0] }, { coord: [1, 1] }]] } }],
    }),
  });
  const bins = 20, shares = [new Array(bins).fill(0), new Array(bins).fill(0)], sizes = [0, 0];
  testPart.t[0].forEach((t, i) => {
    const p = testPart.p[0][i];
    if (t == null || p == null) return;
    shares[t > 0.5 ? 1 : 0][Math.min(bins - 1, Math.floor(p * bins))]++;
    sizes[t > 0.5 ? 1 : 0]++;
  });
  const middle = (b) => (b + 0.5) / bins;
  const probabilities = figure({
    name: "probabilities", title: "Predicted probabilities, test", square: true, keys: { series: 0, order: shares[0].map((_, i) => i) },
    option: (c) => ({
      legend: {}, tooltip: { trigger: "axis", formatter: (items) => `probability ${number(items[0].data[0] - 0.5 / bins, 3)} to ${number(items[0].data[0] + 0.5 / bins, 3)}<br>${items.map((i) => `${i.marker}${i.seriesName} ${number(i.data[1], 3)} %`).join("<br>")}` },
      xAxis: axis(c, "predicted probability of class 1", { min: 0, max: 1 }), yAxis: yAxis(c, "% of the class's rows", { min: 0 }),
      series: [0, 1].map((k) => ({
        type: "line", step: "middle", symbol: "none", name: `class ${k}`, lineStyle: { color: c.series[k ? 2 : 1], width: 1.8 }, itemStyle: { color: c.series[k ? 2 : 1] },
        areaStyle: { color: c.series[k ? 2 : 1], opacity: 0.15 }, data: shares[k].map((n, b) => [middle(b), (100 * n) / sizes[k]]),
      })),
    }),
  });
  const order = calibrationCurve();
  section("classes", "Predictions against classes", "Predictions", h("div.grid", roc, probabilities, order),
    h("h3", "Confusion, test"), table(["", "predicted 0", "predicted 1"], [["class 0", count(s.tn), count(s.fp)], ["class 1", count(s.fn), count(s.tp)]]));
}
// Does a probability of 0.8 come true in 80 % of the cases?  Ten groups of equal size.
function calibrationCurve() {
  const rows = testPart.t[0].map((t, i) => [testPart.p[0][i], t]).filter(([p, t]) => p != null && t != null).sort((a, b) => a[0] - b[0]);
  const groups = Math.min(10, Math.max(2, Math.floor(rows.length / 15))), points = [];
  for (let g = 0; g < groups; g++) {
    const part = rows.slice(Math.floor((g * rows.length) / groups), Math.floor(((g + 1) * rows.length) / groups));
    if (part.length) points.push([part.reduce((s, r) => s + r[0], 0) / part.length, part.filter((r) => r[1] > 0.5).length / part.length, part.length]);
  }
  return figure({
    name: "reliability", title: "Calibration of the probabilities, test", square: true, keys: { series: 0, order: points.map((_, i) => i) },
    option: (c) => ({
      tooltip: { trigger: "item", formatter: ({ data: d }) => `${plural(d[2], "row")}<br>mean probability ${number(d[0], 3)}<br>share of class 1 ${number(d[1], 3)}` },
      xAxis: axis(c, "mean predicted probability", { min: 0, max: 1 }), yAxis: yAxis(c, "share of class 1", { min: 0, max: 1 }),
      series: [{ type: "line", data: points, symbolSize: 8, lineStyle: { color: c.series[2] }, itemStyle: { color: c.series[2] }, markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: c.soft, type: [4, 4] }, data: [[{ coord: [0, 0] }, { coord: [1, 1] }]] } }],
    }),
  });
}

// ---- residuals
function residuals(k) {
  const test = Array.from(errors(testPart, k)).filter(Number.isFinite).sort((a, b) => a - b);
  const reach = quantile(test, 0.98) || 1;
  const half = Math.round(Math.min(20, Math.max(4, Math.sqrt(test.length) / 2))), bins = 2 * half + 1, width = (2 * reach) / bins;
  const series = parts.map((part) => {
    const share = new Array(bins).fill(0);
    let n = 0;
    part.t[k].forEach((t, i) => {
      const p = part.p[k][i];
      if (t == null || p == null) return;
      share[Math.min(bins - 1, Math.max(0, Math.floor((p - t + reach) / width)))]++;
      n++;
    });
    return share.map((v) => (100 * v) / n);
  });
  const x = (b) => -reach + b * width;
  return figure({
    name: "residuals", title: "Residuals", height: 330, note: "The outer bins hold everything beyond them.", keys: { series: parts.length - 1, order: series[0].map((_, i) => i) },
    option: (c) => ({
      legend: {},
      tooltip: { trigger: "axis", formatter: (items) => `${number(x(items[0].data[2]), 3)} to ${number(x(items[0].data[2] + 1), 3)} ${escapeHtml(unitOf(k))}<br>${items.map((i) => `${i.marker}${i.seriesName} ${number(i.data[1], 3)} %`).join("<br>")}`, axisPointer: { type: "line", lineStyle: { color: c.soft } } },
      xAxis: axis(c, withUnit("prediction − target", k), { min: -reach, max: reach, axisLabel: { ...axis(c).axisLabel, showMinLabel: false, showMaxLabel: false } }),
      yAxis: yAxis(c, "% of the part's rows", { min: 0 }),
      series: series.map((share, p) => ({
        type: "line", step: "middle", symbol: "none", name: parts[p].name, lineStyle: { color: c.series[p], width: p === parts.length - 1 ? 2.2 : 1.4 }, itemStyle: { color: c.series[p] },
        areaStyle: p === parts.length - 1 ? { color: c.series[p], opacity: 0.15 } : undefined, data: share.map((v, b) => [x(b) + width / 2, v, b]),
      })),
    }),
  });
}
// Which share of the crystals has an error of at most x?
function cumulative(k) {
  const curves = parts.map((part) => {
    const sorted = Array.from(errors(part, k)).filter(Number.isFinite).sort((a, b) => a - b);
    return Array.from({ length: 201 }, (_, q) => [quantile(sorted, q / 200), q / 2]);
  });
  const end = curves[curves.length - 1][196][0] || 1;
  return figure({
    name: "cumulative", title: "Share of crystals within an error", height: 330, note: "The axis ends where 98 % of the test crystals are.", keys: { series: parts.length - 1, order: Array.from({ length: 197 }, (_, i) => i) },
    option: (c) => ({
      legend: {},
      tooltip: { trigger: "item", formatter: (i) => `${i.seriesName}: ${number(i.data[1], 3)} % within ${number(i.data[0], 3)} ${escapeHtml(unitOf(k))}` },
      xAxis: axis(c, withUnit("|prediction − target|", k), { min: 0, max: end, axisLabel: { ...axis(c).axisLabel, showMaxLabel: false } }), yAxis: yAxis(c, "% of the part's rows", { min: 0, max: 100 }),
      series: curves.map((points, p) => ({ type: "line", name: parts[p].name, showSymbol: false, symbolSize: 7, triggerLineEvent: true, lineStyle: { color: c.series[p], width: p === parts.length - 1 ? 2.2 : 1.4 }, itemStyle: { color: c.series[p] }, data: points.filter(([e]) => e <= end) })),
    }),
  });
}
function residualSection() {
  const node = section("residuals", "Residuals", "Residuals", h("p.lead", "How far predictions are off, in each part."));
  targets.forEach((target, k) => {
    if (targets.length > 1) node.append(h("h3", target.name));
    node.append(h("div.grid.wide", residuals(k), cumulative(k)));
  });
}

export function runPage() {
  head();
  scoresSection();
  curvesSection();
  if (isClass) classSection();
  else {
    paritySection();
    residualSection();
  }
  trustSections();
  analysisSections();
  stepsSection();
  worstSection();
  settingsSections();
}
