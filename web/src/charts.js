// Figures by ECharts: drawn when they come into view, again when the theme or the width changes; saved as SVG.
import { BarChart, CustomChart, LineChart, ScatterChart } from "echarts/charts";
import { AriaComponent, DataZoomInsideComponent, GridComponent, LegendComponent, LegendScrollComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer, SVGRenderer } from "echarts/renderers";
import { colors, h, number, onTheme } from "./base.js";

echarts.use([BarChart, CustomChart, LineChart, ScatterChart, AriaComponent, DataZoomInsideComponent, GridComponent, LegendComponent, LegendScrollComponent,
  MarkLineComponent, TooltipComponent, CanvasRenderer, SVGRenderer]);

const font = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const figures = [];

// An axis in the page's style.  extra overrides.
export function axis(c, name, extra = {}) {
  return {
    type: "value", name, nameLocation: "middle", nameGap: 30, scale: true,
    nameTextStyle: { color: c.soft, fontSize: 12.5, fontFamily: font },
    axisLine: { show: true, lineStyle: { color: c.rule } }, axisTick: { show: true, lineStyle: { color: c.rule } },
    axisLabel: { color: c.soft, fontSize: 11.5, fontFamily: font, hideOverlap: true, formatter: (v) => number(v, 5) },
    splitLine: { show: true, lineStyle: { color: c.grid } }, minorSplitLine: { show: false },
    ...extra,
  };
}
export const yAxis = (c, name, extra = {}) => axis(c, name, { nameGap: 46, ...extra });

// What every figure has.
function common(c, option, still) {
  return {
    animation: false,
    color: c.series,
    textStyle: { fontFamily: font },
    aria: { enabled: true },
    ...option,
    dataZoom: option.dataZoom?.map((zoom) => ({ ...zoom, ...moves(false) })),
    grid: { left: 64, right: 18, top: option.legend ? 34 : 14, bottom: 48, containLabel: false, ...option.grid },
    legend: option.legend && {
      top: 0, left: 0, icon: "roundRect", itemWidth: 14, itemHeight: 4, itemGap: 16,
      textStyle: { color: c.soft, fontSize: 12, fontFamily: font }, inactiveColor: c.rule, ...option.legend,
    },
    tooltip: still ? undefined : {
      confine: true, backgroundColor: c.card, borderColor: c.rule, padding: [8, 12],
      textStyle: { color: c.text, fontSize: 12.5, fontFamily: font }, extraCssText: "box-shadow:0 4px 16px rgba(0,0,0,.14);max-width:320px;white-space:normal;overflow-wrap:anywhere",
      ...option.tooltip,
    },
  };
}

// What the reader chose to see of a figure: the range zoomed to, and the series left on.
function chosen(chart, option) {
  const shown = chart?.getOption();
  if (!shown) return option;
  const ends = ({ start, end }) => ({ start, end });
  return {
    ...option,
    dataZoom: option.dataZoom?.map((zoom, i) => ({ ...zoom, ...ends(shown.dataZoom[i]) })),
    legend: option.legend && { ...option.legend, selected: shown.legend[0].selected },
  };
}

// Save what a figure shows as an SVG with the light theme's colours left as they are on the screen.
function save(figure) {
  const box = figure.place.getBoundingClientRect();
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: Math.round(box.width), height: Math.round(box.height) });
  const c = colors();
  const option = common(c, chosen(figure.chart, figure.option(c)), true);
  // Thousands of dots as paths make no useful file beyond this.
  for (const series of option.series) delete series.large;
  chart.setOption({ backgroundColor: c.card, ...option });
  const text = chart.renderToSVGString();
  chart.dispose();
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: "image/svg+xml" })), download: `${figure.name}.svg` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// A figure that shows all of its range has nowhere to move to: a finger on it scrolls the page.  One that is zoomed in
// is moved, and holds the page still.
const moves = (on) => ({ moveOnMouseMove: on, preventDefaultMouseMove: on });
function followZoom(figure) {
  const zooms = figure.chart.getOption().dataZoom ?? [], on = zooms.some((z) => z.start > 0 || z.end < 100);
  if (zooms.length && zooms[0].moveOnMouseMove !== on) figure.chart.setOption({ dataZoom: zooms.map(() => moves(on)) });
}

function draw(figure) {
  if (!figure.seen) return;
  const c = colors();
  if (!figure.chart) {
    figure.chart = echarts.init(figure.place, null, { renderer: "canvas" });
    figure.chart.on("click", (event) => figure.click?.(event));
    figure.chart.on("datazoom", () => followZoom(figure));
  }
  figure.chart.setOption(common(c, figure.option(c), false), { notMerge: true });
  figure.place.dataset.drawn = "yes";
}

// Arrow keys walk the tooltip along a series; `keys` {series, order: [data indices]}.
function walk(figure, event) {
  const keys = figure.keys;
  if (!keys || !figure.chart || !keys.order.length) return;
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape") return figure.chart.dispatchAction({ type: "hideTip" });
  if (event.key === "Enter" && figure.at >= 0) return figure.click?.({ seriesIndex: keys.series, dataIndex: keys.order[figure.at] });
  if (!step && event.key !== "Home" && event.key !== "End") return;
  event.preventDefault();
  const last = keys.order.length - 1;
  figure.at = event.key === "Home" ? 0 : event.key === "End" ? last : Math.min(last, Math.max(0, figure.at + step));
  figure.chart.dispatchAction({ type: "showTip", seriesIndex: keys.series, dataIndex: keys.order[figure.at] });
}

const resize = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const figure = figures.find((f) => f.place === target);
    if (figure?.chart && target.clientWidth > 0) figure.chart.resize();
  }
});
const inView = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const figure = figures.find((f) => f.place === entry.target);
      if (!entry.isIntersecting || figure.seen) continue;
      figure.seen = true;
      draw(figure);
      inView.unobserve(entry.target);
    }
  },
  { rootMargin: "400px" },
);
onTheme(() => figures.forEach(draw));

// A card with one figure.  option(colors) gives what ECharts draws; label says in words what is seen.
export function figure({ name, title, note, label, option, height = 300, square = false, keys, click }) {
  const place = h("div.plot", { role: "img", "aria-label": label ?? title, tabindex: "0", style: square ? "aspect-ratio:1;max-height:440px" : `height:${height}px` });
  const it = { name, place, option, keys, click, at: -1, seen: false, chart: null };
  figures.push(it);
  place.addEventListener("keydown", (event) => walk(it, event));
  place.addEventListener("blur", () => it.chart?.dispatchAction({ type: "hideTip" }));
  resize.observe(place);
  inView.observe(place);
  const node = h("figure.card", h("header", h("h3", title), h("button.tool", { type: "button", onclick: () => save(it), title: "Save this figure as SVG", "aria-label": `Save “${title}” as SVG` }, "SVG")),
    place, note && h("figcaption", note));
  node.redraw = () => draw(it);
  node.dataset.figure = name;
  node.chart = () => it.chart;
  return node;
}
// For tests and for a reader's console.
window.recrystFigures = figures;

// Error bars (and their caps) for a custom series; data [x, y, low, high].
export const errorBars = (color, horizontal = false) => ({
  type: "custom", silent: true, z: 5,
  renderItem(_, api) {
    const at = (v) => (horizontal ? api.coord([v, api.value(1)]) : api.coord([api.value(0), v]));
    const [x1, y1] = at(api.value(2)), [x2, y2] = at(api.value(3));
    const cap = horizontal ? [0, 4] : [4, 0];
    const line = (a, b, p, q) => ({ type: "line", shape: { x1: a, y1: b, x2: p, y2: q }, style: { stroke: color, lineWidth: 1.4 } });
    return { type: "group", children: [line(x1, y1, x2, y2), line(x1 - cap[0], y1 - cap[1], x1 + cap[0], y1 + cap[1]), line(x2 - cap[0], y2 - cap[1], x2 + cap[0], y2 + cap[1])] };
  },
});
// A band between two curves.  It is drawn as one shape, with its first point; the others give the axes their extent.
export const band = (name, x, low, high, color) => ({
  type: "custom", name, silent: true, z: 1, itemStyle: { color }, tooltip: { show: false },
  encode: { x: 0, y: [1, 2] }, data: x.map((v, i) => [v, low[i], high[i]]),
  renderItem(params, api) {
    if (params.dataIndex !== 0) return null;
    const along = x.map((v, i) => api.coord([v, high[i]]));
    const back = x.map((v, i) => api.coord([v, low[i]])).reverse();
    return { type: "polygon", shape: { points: [...along, ...back] }, style: { fill: color, opacity: 0.18 } };
  },
});
