// Pictures of a page, for looking at it.  usage: node look.mjs PAGE.html PREFIX [dark] [WIDTH]
import { Browser } from "./browser.mjs";
import { resolve } from "node:path";

const [page, prefix, theme, width = "1280"] = process.argv.slice(2);
const browser = await Browser.start("chromium");
const tab = await browser.open(`file://${resolve(page)}`, { width: Number(width), height: 900, dark: theme === "dark", phone: Number(width) < 600 });
await tab.seeAll();
await tab.pictures(prefix);
console.log(tab.problems.join("\n") || "no problem", await tab.eval("[document.documentElement.scrollWidth, innerWidth]"));
await browser.stop();
