import { data, h, startTheme, watchSections } from "./base.js";
import { runPage } from "./run.js";
import { studyPage } from "./study.js";

startTheme();
document.getElementById("written").textContent = `Written by ${data.program}. This page holds all of its data and asks nothing of the network.`;
try {
  if (data.kind === "study") studyPage();
  else runPage();
} catch (error) {
  document.getElementById("page").append(h("p.missing", `This page could not be drawn: ${error.message}`));
  throw error;
}
watchSections();
