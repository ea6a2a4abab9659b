// What the page knows about a run's rows, worked out once.
import { data, digitsFor, subscripts } from "./base.js";

export const isClass = data.task === "classification";
export const targets = data.targets ?? [];
export const unitOf = (k) => targets[k]?.unit ?? "";
export const withUnit = (text, k) => (unitOf(k) && !isClass ? `${text} (${unitOf(k)})` : text);
export const parts = data.parts ?? [];
export const testPart = parts[parts.length - 1];

// "Al2O3" -> ["Al", "O"], kept by text: formulas repeat.
const known = new Map();
export function elementsOf(formula) {
  if (!formula) return [];
  let list = known.get(formula);
  if (!list) {
    list = [...new Set([...formula.matchAll(/[A-Z][a-z]?/g)].map((m) => m[0]))];
    known.set(formula, list);
  }
  return list;
}

// The lowest and the highest of all targets and predictions.
const ranges = new Map();
export function rangeOf(k) {
  if (!ranges.has(k)) {
    let low = Infinity, high = -Infinity;
    for (const part of parts) for (const list of [part.t[k], part.p[k]]) for (const v of list) if (v != null) { if (v < low) low = v; if (v > high) high = v; }
    ranges.set(k, [low, high]);
  }
  return ranges.get(k);
}
// Digits that show this share of the range: targets may all lie near one large number.
export function digitsOf(k, share, least) {
  const [low, high] = rangeOf(k);
  return digitsFor(Math.max(Math.abs(low), Math.abs(high)), share * (high - low), least);
}

// |prediction - target| of every row, or 0 and 1 for right and wrong classes; NaN where either is missing.
export function errors(part, k) {
  const { t, p } = { t: part.t[k], p: part.p[k] };
  return Float64Array.from(t, (target, i) => {
    if (target == null || p[i] == null) return NaN;
    return isClass ? Number((p[i] > 0.5) !== (target > 0.5)) : Math.abs(p[i] - target);
  });
}
export const errorName = isClass ? "share wrong" : "mean absolute error";

export function mean(values) {
  let sum = 0, n = 0;
  for (const v of values) if (Number.isFinite(v)) { sum += v; n++; }
  return { mean: n ? sum / n : NaN, n };
}
export function deviation(values) {
  const { mean: m, n } = mean(values);
  let sum = 0;
  for (const v of values) if (Number.isFinite(v)) sum += (v - m) ** 2;
  return n > 1 ? Math.sqrt(sum / (n - 1)) : NaN;
}
export function quantile(sorted, q) {
  if (!sorted.length) return NaN;
  const at = q * (sorted.length - 1), low = Math.floor(at);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
}

export function regressionScores(part, k) {
  const t = [], e = [];
  part.t[k].forEach((v, i) => {
    if (v == null || part.p[k][i] == null) return;
    t.push(v);
    e.push(part.p[k][i] - v);
  });
  const m = mean(t).mean, sd = deviation(t);
  const square = e.reduce((s, v) => s + v * v, 0);
  const spread = t.reduce((s, v) => s + (v - m) ** 2, 0);
  return { n: t.length, mae: mean(e.map(Math.abs)).mean, rmse: Math.sqrt(square / e.length), r2: spread > 0 ? 1 - square / spread : NaN, sd, bias: mean(e).mean };
}

export function classScores(part, k) {
  let tp = 0, fp = 0, tn = 0, fn = 0, loss = 0, n = 0;
  const pairs = [];
  part.t[k].forEach((t, i) => {
    const p = part.p[k][i];
    if (t == null || p == null) return;
    n++;
    pairs.push([p, t]);
    if (p > 0.5) t > 0.5 ? tp++ : fp++;
    else t > 0.5 ? fn++ : tn++;
    loss -= Math.log(Math.max(1e-15, t > 0.5 ? p : 1 - p));
  });
  pairs.sort((a, b) => b[0] - a[0]);
  const positive = tp + fn, negative = fp + tn;
  const roc = [[0, 0]];
  let area = 0, x = 0, y = 0;
  for (let i = 0; i < pairs.length;) {
    let up = 0, across = 0, j = i;
    for (; j < pairs.length && pairs[j][0] === pairs[i][0]; j++) pairs[j][1] > 0.5 ? up++ : across++;
    area += across * (y + up / 2);
    y += up;
    x += across;
    roc.push([x / negative, y / positive]);
    i = j;
  }
  const precision = tp / (tp + fp), recall = tp / positive;
  return { n, tp, fp, tn, fn, accuracy: (tp + tn) / n, precision, recall, f1: (2 * precision * recall) / (precision + recall), auc: area / (positive * negative), loss: loss / n, share: positive / n, roc };
}

// Rows of a part by falling error.
export function byError(part, k) {
  const wrong = isClass
    ? Float64Array.from(part.t[k], (t, i) => (t == null || part.p[k][i] == null ? NaN : Math.abs(part.p[k][i] - t)))
    : errors(part, k);
  return Array.from(wrong.keys()).filter((i) => Number.isFinite(wrong[i])).sort((a, b) => wrong[b] - wrong[a] || a - b);
}

export const systems = [[1, "triclinic"], [3, "monoclinic"], [16, "orthorhombic"], [75, "tetragonal"], [143, "trigonal"], [168, "hexagonal"], [195, "cubic"]];
export const systemOf = (number) => systems.filter(([first]) => number >= first).pop()?.[1];
export const groupName = (number) => (number ? `${subscripts(data.space_groups?.[number] ?? "")} (${number})`.trim() : "unknown");
