// On every page: what needs a script is shown, the key is looked after, and records open from results.
import {$} from "./texts.js";
import {reveal, settle} from "./answer.js";
import {clear, keepKey, keepResults} from "./kept.js";
import {keyField} from "./key.js";

const recordForms = '#answer form[action^="/record/"]';

settle(document);
keyField();
const heading = document.querySelector("#answer h2[tabindex]");
if (heading) reveal(document.forms[0] || document.body, $("answer")); // the answer to a form

document.addEventListener("click", e => {
  const button = e.target.closest("[data-do]");
  if (!button) return;
  if (button.dataset.do === "print") print();
  if (button.dataset.do === "clear") {
    clear();
    dispatchEvent(new Event("lineup:clear"));
  }
});

// A record is opened by its address, which a browser can go back to; the key is handed over in this tab.
document.addEventListener("submit", e => {
  if (!e.target.matches(recordForms)) return;
  e.preventDefault();
  keepKey(new FormData(e.target).get("key"));
  if (!location.pathname.startsWith("/record/")) {
    keepResults([...document.querySelectorAll(recordForms)].map(form => form.getAttribute("action")));
  }
  location.assign(e.target.getAttribute("action"));
});
