// The filter of the coverage page: what is typed leaves the registries whose state or name has it.
import {$, say, t} from "./texts.js";

const rows = [...document.querySelectorAll("[data-find]")], there = $("there"), wasOpen = there && there.open;

$("filter").addEventListener("input", e => {
  const wanted = e.target.value.trim().toLowerCase();
  rows.forEach(row => { row.hidden = !row.dataset.find.toLowerCase().includes(wanted); });
  if (there) there.open = wanted ? rows.some(row => !row.hidden && there.contains(row)) : wasOpen;
  say(wanted ? t("filtered", rows.filter(row => !row.hidden).length) : "");
});
