// How the run was made and how to make it again.
import { count, data, h, section, table } from "./base.js";

export function copyButton(text) {
  const button = h("button.tool", { type: "button", onclick: () => {
    const done = () => { button.textContent = "Copied"; setTimeout(() => (button.textContent = "Copy"), 1500); };
    const select = () => { const range = document.createRange(); range.selectNodeContents(button.nextElementSibling ?? button); getSelection().removeAllRanges(); getSelection().addRange(range); };
    navigator.clipboard?.writeText(text).then(done, select) ?? select();
  } }, "Copy");
  return button;
}

export function settingsSections() {
  if (data.repeat) {
    section("repeat", data.kind === "study" ? "Repeat this study" : "Repeat this run", "Repeat", copyButton(data.repeat), h("pre", { tabindex: "0" }, data.repeat),
      h("p.lead", "The same data, seed, options, program and instruction set give the same weights bit for bit, on any number of threads."));
  }
  const groups = new Map();
  for (const [part, name, value, comment] of data.settings ?? []) {
    if (!groups.has(part)) groups.set(part, []);
    groups.get(part).push([name, value, comment]);
  }
  if (groups.size)
    section("settings", "Settings", "Settings", h("div.settings", [...groups].map(([part, list]) => h("div", h("h3", part),
      h("dl", list.flatMap(([name, value, comment]) => [h("dt", h("code", name)), h("dd", { title: comment || null }, value === "" ? "–" : value)]))))));
  if (data.unusable?.count)
    section("unusable", "Rows that could not be used", "Unusable rows", h("p.lead", `${count(data.unusable.count)} rows of the data; errors.csv lists all of them.`),
      table(["id", "file", "reason"], data.unusable.first, { class: "wrap" }));
}
