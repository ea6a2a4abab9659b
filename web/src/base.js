// Small things that every part of the page uses: elements, numbers, the theme.

export const data = JSON.parse(document.getElementById("data").textContent);

// h("p.lead", {id: "x"}, "text", child, ...): text is always text, never markup.
export function h(what, ...rest) {
  const [tag, ...classes] = what.split(".");
  const node = document.createElement(tag || "div");
  if (classes.length) node.className = classes.join(" ");
  for (const item of rest.flat()) {
    if (item == null || item === false) continue;
    if (item instanceof Node) node.append(item);
    else if (typeof item === "object")
      for (const [key, value] of Object.entries(item))
        if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
        else if (value != null && value !== false) node.setAttribute(key, value === true ? "" : value);
        else continue;
    else node.append(String(item));
  }
  return node;
}

// So many significant digits, no trailing zeros, a real minus sign; "–" for what is no number.
export function number(value, digits = 4) {
  if (value == null || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text;
  if ((size >= 1e7 && size >= 10 ** digits) || size < 1e-4) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    text = `${mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa}e${Number(exponent)}`;
  } else if (size >= 10 ** digits) {
    text = String(Math.round(value));
  } else {
    text = value.toPrecision(digits);
    if (text.includes(".")) text = text.replace(/\.?0+$/, "");
  }
  return text.replaceAll("-", "−");
}
// Of values up to `largest` so many significant digits that a step of `step` can be seen: at least `least`.
export const digitsFor = (largest, step, least) =>
  largest > 0 && step > 0 && Number.isFinite(largest / step) ? Math.min(15, Math.max(least, 1 + Math.floor(Math.log10(largest)) - Math.floor(Math.log10(step)))) : least;
// As Math.min and Math.max, whose arguments a large list would not fit into.
export const least = (values) => values.reduce((low, v) => (v < low ? v : low), Infinity);
export const most = (values) => values.reduce((high, v) => (v > high ? v : high), -Infinity);
export const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
export const percent = (share) => (Number.isFinite(share) ? `${number(100 * share, 3)} %` : "–");
export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

export const escapeHtml = (text) =>
  String(text).replace(/[&<>"']/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c]);

// ---- theme: the system's, until the reader chooses
const listeners = [];
const system = window.matchMedia("(prefers-color-scheme: dark)");
let chosen = "auto";
try {
  chosen = localStorage.getItem("recryst-theme") ?? "auto";
} catch {
  // A page from a file may have no storage; the choice then lasts as long as the page.
}
const isDark = () => (chosen === "auto" ? system.matches : chosen === "dark");
const names = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" };

function applyTheme() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  const button = document.getElementById("theme");
  button.textContent = names[chosen];
  button.title = "Change between the system's theme, light and dark";
  for (const call of listeners) call();
}
export const onTheme = (call) => listeners.push(call);
export function startTheme() {
  document.getElementById("theme").addEventListener("click", () => {
    chosen = { auto: "light", light: "dark", dark: "auto" }[chosen] ?? "auto";
    try {
      localStorage.setItem("recryst-theme", chosen);
    } catch {
      // as above
    }
    applyTheme();
  });
  system.addEventListener("change", applyTheme);
  applyTheme();
}
export function colors() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    text: get("text"), soft: get("soft"), rule: get("rule"), grid: get("grid"), card: get("card"), mark: get("mark"),
    low: get("low"), high: get("high"),
    series: [0, 1, 2, 3, 4, 5, 6, 7].map((i) => get(`s${i}`)),
  };
}

// ---- sections
export function section(id, title, short, ...children) {
  document.getElementById("nav").append(h("a", { href: `#${id}` }, short));
  const node = h("section", { id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title), ...children);
  document.getElementById("page").append(node);
  return node;
}
export function watchSections() {
  const links = new Map([...document.querySelectorAll("#nav a")].map((a) => [a.hash.slice(1), a]));
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        for (const link of links.values()) link.classList.remove("here");
        const link = links.get(entry.target.id);
        link?.classList.add("here");
      }
    },
    { rootMargin: "-20% 0px -70% 0px" },
  );
  for (const node of document.querySelectorAll("main section")) observer.observe(node);
}
export const table = (head, rows, attributes = {}) =>
  h("div.scroll", h("table", attributes,
    h("thead", h("tr", head.map((cell) => h("th", { scope: "col" }, cell)))),
    h("tbody", rows.map((row) => h("tr", row.map((cell, i) => (i === 0 ? h("th", { scope: "row" }, cell) : h("td", cell))))))));

// Space-group symbols with their subscripts: "P6_3/mmc" -> "P6₃/mmc".
export const subscripts = (symbol) => symbol.replace(/_(\d)/g, (_, d) => String.fromCharCode(0x2080 + Number(d)));
