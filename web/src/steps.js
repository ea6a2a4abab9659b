// What the steps of a shared-recurrent network do, and how far its intervals can be trusted.
import { axis, band, errorBars, figure, yAxis } from "./charts.js";
import { data, escapeHtml, h, least, most, number, percent, plural, section, table } from "./base.js";
import { isClass, quantile, targets, unitOf, withUnit } from "./model.js";

// Of several targets these are the first one's.
const several = targets.length > 1 ? `Of ${targets[0].name}. ` : "";
const partName = (part) => (part === "val" ? "validation" : part);

export function stepsSection() {
  const steps = data.steps;
  if (!steps?.error?.length) return;
  const T = steps.error.length, first = steps.first ?? 1, x = Array.from({ length: T }, (_, i) => i + first);
  const sorted = steps.away?.map((list) => list.filter(Number.isFinite).sort((a, b) => a - b));
  const stepAxis = (c) => axis(c, "steps", { type: "category", data: x.map(String), splitLine: { show: false }, axisLabel: { color: c.soft, fontSize: 11.5 } });
  const cards = [
    figure({
      name: "steps-error", title: isClass ? "Log loss after each step, test" : "Mean absolute error after each step, test", height: 300, note: `Of ${plural(steps.n ?? sorted?.[0].length ?? 0, "test crystal")}.`, keys: { series: 0, order: x.map((_, i) => i) },
      option: (c) => ({
        tooltip: { trigger: "axis", formatter: ([i]) => `read after step ${i.data[0] + first}<br>${isClass ? "log loss" : "MAE"} <b>${number(i.data[1])}</b> ${escapeHtml(unitOf(0))}` },
        xAxis: stepAxis(c),
        yAxis: yAxis(c, isClass ? "log loss" : withUnit("MAE", 0), most(steps.error) > 8 * least(steps.error) ? { type: "log" } : { min: 0 }),
        series: [{ type: "line", symbolSize: 8, data: steps.error.map((v, i) => [i, v]), lineStyle: { color: c.series[2], width: 2 }, itemStyle: { color: c.series[2] }, label: { show: true, formatter: (i) => number(i.data[1], 3), color: c.soft, fontSize: 11 } }],
      }),
    }),
  ];
  if (sorted)
    cards.push(figure({
      name: "steps-prediction", title: "Prediction after a step, less the last one", height: 300, note: `Line: median; band: the middle 80 % of ${plural(sorted[0].length, "test crystal")}.`, keys: { series: 1, order: x.map((_, i) => i) },
      option: (c) => ({
        tooltip: { trigger: "axis", formatter: (items) => { const s = sorted[items[0].dataIndex]; return `after step ${items[0].dataIndex + first}<br>median ${number(quantile(s, 0.5), 3)}<br>80 % lie in ${number(quantile(s, 0.1), 3)} to ${number(quantile(s, 0.9), 3)}`; } },
        xAxis: stepAxis(c), yAxis: yAxis(c, isClass ? "probability" : withUnit("difference", 0)),
        series: [band("middle 80 %", x.map((v) => v - first), sorted.map((s) => quantile(s, 0.1)), sorted.map((s) => quantile(s, 0.9)), c.series[2]),
          { type: "line", symbolSize: 7, data: sorted.map((s, i) => [i, quantile(s, 0.5)]), lineStyle: { color: c.series[2], width: 2 }, itemStyle: { color: c.series[2] } }],
      }),
    }));
  if (steps.change?.length)
    cards.push(figure({
      name: "steps-change", title: "Change of the atom vectors from step to step", height: 300, note: "Length of the change over the length of the vector, those of all atoms taken together; mean over crystals.", keys: { series: 0, order: x.map((_, i) => i) },
      option: (c) => ({
        tooltip: { trigger: "axis", formatter: ([i]) => `step ${i.data[0] + first}<br>relative change <b>${number(i.data[1], 3)}</b>` },
        xAxis: stepAxis(c), yAxis: yAxis(c, "|v(t) − v(t−1)| / |v(t−1)|", { min: 0 }),
        series: [{ type: "line", symbolSize: 8, data: steps.change.map((v, i) => [i, v]), lineStyle: { color: c.series[2], width: 2 }, itemStyle: { color: c.series[2] } }],
      }),
    }));
  section("steps", "Step by step", "Steps", h("p.lead", `${several}The network applies one convolution again and again. Here its readout is taken after each step, on test crystals: a recurrence that has converged changes little in its last step.`), h("div.grid", cards));
}

// Promised coverage against what held-out rows show.
export function trustSections() {
  const cal = data.calibration;
  if (!cal?.length) return;
  const u = unitOf(0);
  const parts = [...new Set(cal.map((r) => r.part))];
  const cards = [
    figure({
      name: "calibration", title: "Coverage of the intervals", square: true, keys: { series: parts.length - 1, order: cal.filter((r) => r.part === parts[parts.length - 1]).map((_, i) => i) },
      option: (c) => ({
        legend: parts.length > 1 ? {} : undefined,
        tooltip: { trigger: "item", formatter: ({ data: d }) => `promised ${percent(d[0])}<br>observed <b>${percent(d[1])}</b><br>mean width ${number(d[2], 3)} ${escapeHtml(u)}` },
        xAxis: axis(c, "promised coverage", { min: 0, max: 1 }), yAxis: yAxis(c, "observed coverage", { min: 0, max: 1 }),
        series: parts.map((part, i) => ({ type: "line", name: partName(part), symbolSize: 7, itemStyle: { color: c.series[{ test: 2, val: 1, validation: 1, train: 0, training: 0 }[part] ?? 3] }, lineStyle: { width: 2, color: c.series[{ test: 2, val: 1, validation: 1, train: 0, training: 0 }[part] ?? 3] }, data: cal.filter((r) => r.part === part).map((r) => [r.promised, r.observed, r.width]), markLine: i ? undefined : { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: c.soft, type: [4, 4] }, data: [[{ coord: [0, 0] }, { coord: [1, 1] }]] } })),
      }),
    }),
    figure({
      name: "sharpness", title: "Width of the intervals", square: true, note: "Narrower is sharper; only at equal coverage do widths compare.", keys: { series: parts.length - 1, order: cal.filter((r) => r.part === parts[parts.length - 1]).map((_, i) => i) },
      option: (c) => ({
        legend: parts.length > 1 ? {} : undefined,
        tooltip: { trigger: "item", formatter: ({ data: d }) => `promised ${percent(d[0])}<br>mean width <b>${number(d[1], 3)}</b> ${escapeHtml(u)}` },
        xAxis: axis(c, "promised coverage", { min: 0, max: 1 }), yAxis: yAxis(c, `mean width${u ? ` (${u})` : ""}`, { min: 0 }),
        series: parts.map((part, i) => ({ type: "line", name: partName(part), symbolSize: 7, itemStyle: { color: c.series[{ test: 2, val: 1, validation: 1, train: 0, training: 0 }[part] ?? 3] }, lineStyle: { width: 2, color: c.series[{ test: 2, val: 1, validation: 1, train: 0, training: 0 }[part] ?? 3] }, data: cal.filter((r) => r.part === part).map((r) => [r.promised, r.width]) })),
      }),
    }),
  ];
  section("calibration", "Calibration", "Calibration", h("p.lead", `${several}Intervals promise to hold the target with a given probability. On the dashed line they hold what they promise; below it they are too narrow, above it wider than needed.`), h("div.grid", cards));
}
