// The worst predictions, with a view of each crystal.
import { createViewer, elementColors } from "3dmol/build/3Dmol.es6-min.js";
import { colors, data, escapeHtml, h, number, onTheme, percent, plural, section } from "./base.js";
import { byError, digitsOf, groupName, isClass, targets, testPart, unitOf } from "./model.js";
import { covalentRadius } from "./periodic.js";

const MOST = 20;
const elementColor = (symbol) => `#${(elementColors.Jmol[symbol] ?? 0xc06080).toString(16).padStart(6, "0")}`;

// Atoms of one cell with the images on its faces, edges and corners, as one expects to see a cell.
function atomsOf(crystal) {
  const L = crystal.lattice, atoms = [];
  for (let i = 0; i < crystal.z.length; i++) {
    const f = [0, 1, 2].map((k) => {
      const v = crystal.f[3 * i + k] - Math.floor(crystal.f[3 * i + k]);
      return v > 1 - 1e-3 ? v - 1 : v;
    });
    const ranges = f.map((v) => (Math.abs(v) < 1e-3 ? [0, 1] : [0]));
    for (const a of ranges[0]) for (const b of ranges[1]) for (const c of ranges[2]) {
      const u = [f[0] + a, f[1] + b, f[2] + c];
      const [x, y, z] = [0, 1, 2].map((k) => u[0] * L[k] + u[1] * L[3 + k] + u[2] * L[6 + k]);
      atoms.push({ elem: crystal.z[i], x, y, z, serial: atoms.length, bonds: [], bondOrder: [] });
    }
  }
  if (atoms.length <= 600)
    for (let i = 0; i < atoms.length; i++)
      for (let j = i + 1; j < atoms.length; j++) {
        const far = Math.hypot(atoms[i].x - atoms[j].x, atoms[i].y - atoms[j].y, atoms[i].z - atoms[j].z);
        if (far < 0.4 || far > 1.15 * (covalentRadius(atoms[i].elem) + covalentRadius(atoms[j].elem))) continue;
        atoms[i].bonds.push(j); atoms[i].bondOrder.push(1);
        atoms[j].bonds.push(i); atoms[j].bondOrder.push(1);
      }
  return atoms;
}

class View {
  constructor() {
    this.place = h("div.viewer", { role: "img", tabindex: "0", "aria-label": "The crystal; drag to turn it, or use the arrow keys" });
    this.legend = h("ul.legend");
    this.title = h("h3");
    this.note = h("p.note");
    this.place.addEventListener("keydown", (event) => {
      const turn = { ArrowLeft: [-12, "y"], ArrowRight: [12, "y"], ArrowUp: [-12, "x"], ArrowDown: [12, "x"] }[event.key];
      const zoom = { "+": 1.15, "=": 1.15, "-": 1 / 1.15 }[event.key];
      if (!this.viewer || (!turn && !zoom)) return;
      event.preventDefault();
      if (turn) this.viewer.rotate(...turn);
      else this.viewer.zoom(zoom);
      this.viewer.render();
    });
    new ResizeObserver(() => this.viewer?.resize()).observe(this.place);
    onTheme(() => this.current && this.draw());
  }
  start() {
    if (this.viewer || this.failed) return;
    try {
      this.viewer = createViewer(this.place, { backgroundColor: colors().card, antialias: true, disableFog: true });
    } catch {
      this.viewer = null;
    }
    if (!this.viewer) {
      this.failed = true;
      this.place.append(h("p.missing", "This browser has no WebGL, which the view of a crystal needs."));
    }
  }
  show(id, title, note) {
    this.current = id;
    this.title.textContent = title;
    this.note.textContent = note;
    this.start();
    this.draw(true);
  }
  draw(fit) {
    if (!this.viewer) return;
    const crystal = data.crystals?.[this.current], c = colors(), viewer = this.viewer;
    viewer.setBackgroundColor(c.card, 1);
    viewer.removeAllModels();
    viewer.removeAllShapes();
    viewer.removeAllLabels();
    this.legend.replaceChildren();
    this.place.dataset.atoms = crystal ? crystal.z.length : 0;
    if (!crystal) {
      viewer.addLabel("This crystal's structure is not known here", { useScreen: true, screenOffset: { x: 12, y: -12 }, fontColor: c.soft, backgroundOpacity: 0, fontSize: 14 });
      viewer.render();
      return;
    }
    const model = viewer.addModel();
    model.addAtoms(atomsOf(crystal));
    for (const elem of new Set(crystal.z)) {
      const color = elementColor(elem);
      model.setStyle({ elem }, { sphere: { radius: 0.18 + 0.22 * covalentRadius(elem), color }, stick: { radius: 0.09, color } });
      this.legend.append(h("li", h("i", { style: `background:${color}` }), elem));
    }
    const L = crystal.lattice, corner = (a, b, d) => ({ x: a * L[0] + b * L[3] + d * L[6], y: a * L[1] + b * L[4] + d * L[7], z: a * L[2] + b * L[5] + d * L[8] });
    // Past the end of an axis, clear of the atom that may sit there.
    const beyond = (r) => { const length = Math.hypot(L[3 * r], L[3 * r + 1], L[3 * r + 2]), s = 1 + 1.1 / length; return { x: s * L[3 * r], y: s * L[3 * r + 1], z: s * L[3 * r + 2] }; };
    for (const [a, b] of [[0, 0], [0, 1], [1, 0], [1, 1]])
      for (const [from, to] of [[corner(0, a, b), corner(1, a, b)], [corner(a, 0, b), corner(a, 1, b)], [corner(a, b, 0), corner(a, b, 1)]])
        viewer.addCylinder({ start: from, end: to, radius: 0.025, color: c.soft, fromCap: 1, toCap: 1 });
    for (const [name, at] of ["a", "b", "c"].map((letter, r) => [letter, beyond(r)]))
      viewer.addLabel(name, { position: at, fontColor: c.text, backgroundOpacity: 0, fontSize: 15, alignment: "center", inFront: true });
    if (fit) {
      viewer.setView([0, 0, 0, 0, 0, 0, 0, 1]);
      viewer.zoomTo();
      viewer.rotate(-72, "x");
      viewer.rotate(24, "y");
      viewer.rotate(8, "x");
      viewer.zoom(0.92);
    }
    viewer.render();
  }
}

function worstOf(k) {
  const rows = byError(testPart, k).slice(0, MOST);
  if (!rows.length) return null;
  const digits = isClass ? 4 : digitsOf(k, 1e-3, 4);
  const view = new View(), u = unitOf(k) && !isClass ? ` (${unitOf(k)})` : "";
  const withFacts = testPart.formula != null, withGroups = testPart.sg != null;
  const body = h("tbody", { role: "listbox", "aria-label": "Worst predictions; choose one to see its crystal" });
  const select = (i, line) => {
    for (const other of body.children) {
      other.setAttribute("aria-selected", other === line);
      other.tabIndex = other === line ? 0 : -1;
    }
    const id = testPart.id[i], crystal = data.crystals?.[id];
    const size = crystal ? [0, 3, 6].map((r) => Math.hypot(...crystal.lattice.slice(r, r + 3))) : null;
    view.show(id, `${testPart.formula?.[i] ? `${testPart.formula[i]}, ` : ""}${id}`,
      [testPart.sg?.[i] && groupName(testPart.sg[i]), crystal && plural(crystal.z.length, "atom"), size && `a, b, c = ${size.map((v) => number(v, 4)).join(", ")} Å`].filter(Boolean).join(" · "));
  };
  const lines = rows.map((i) => {
    const t = testPart.t[k][i], p = testPart.p[k][i];
    const line = h("tr", { role: "option", tabindex: "-1", "aria-selected": "false" },
      h("td.id", { title: testPart.id[i] }, testPart.id[i]), withFacts && h("td.left", testPart.formula[i]), h("td", isClass ? number(Math.abs(p - t), 3) : number(p - t, 3)), h("td", number(t, digits)), h("td", isClass ? percent(p) : number(p, digits)), withGroups && h("td.left.last", groupName(testPart.sg[i])));
    line.addEventListener("click", () => select(i, line));
    line.addEventListener("focus", () => line.getAttribute("aria-selected") !== "true" && select(i, line));
    return line;
  });
  body.append(...lines);
  body.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], at = lines.indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    lines[Math.min(lines.length - 1, Math.max(0, at + step))].focus();
  });
  lines[0].tabIndex = 0;
  const node = h("div.worst",
    h("div.card", h("div.scroll", h("table", h("thead", h("tr", h("th", "id"), withFacts && h("th.left", "formula"), h("th", isClass ? "|p − t|" : `error${u}`), h("th", `target${u}`), h("th", isClass ? "probability of 1" : `predicted${u}`), withGroups && h("th.left.last", "space group"))), body))),
    h("div.card", { "data-figure": "crystal" }, h("header", view.title), view.note, view.place, view.legend));
  // The first crystal is drawn when its place comes into view: WebGL is not free.
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((e) => e.isIntersecting)) return;
    seen.disconnect();
    select(rows[0], lines[0]);
  }, { rootMargin: "300px" });
  seen.observe(node);
  return node;
}

export function worstSection() {
  const node = section("worst", "Worst predictions, test", "Worst",
    h("p.lead", "Large errors are worth a look: a wrong target, a disordered or exotic crystal, or a corner of chemistry that the training rows lack. Choose a row to see its crystal; drag it to turn it."));
  targets.forEach((target, k) => {
    if (targets.length > 1) node.append(h("h3", target.name));
    const part = worstOf(k);
    if (part) node.append(part);
  });
  if (data.notes?.crystals) node.append(h("p.note.missing", data.notes.crystals));
}
