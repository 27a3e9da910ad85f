// The search by name and place. Without this file the form still works, with a page for each answer.
import {$, say, t} from "./texts.js";
import {cancel, put, send} from "./send.js";
import {reveal, unmark} from "./answer.js";
import {fieldsOf, refill} from "./form.js";
import {keep, keepKey, kept, lost} from "./kept.js";
import {fill, fold} from "./key.js";

const form = $("names"), answer = $("answer");

// search sends the form, or that of a further page of its answer.
function search(from) {
  const data = new FormData(from);
  send(from, t("searching"), () => new URLSearchParams(data), got => {
    if (got.status < 400) {
      keepKey(data.get("key"));
      keep({fields: fieldsOf(data), html: got.html});
    }
    reveal(form, answer);
  });
}

// restore shows this step of the history as it was.
function restore() {
  const entry = kept();
  unmark(form);
  if (entry) {
    refill(form, entry.fields);
    fill();
    put(entry);
  } else {
    form.reset();
    fill();
    answer.replaceChildren();
  }
  say("");
}

form.addEventListener("submit", e => { e.preventDefault(); search(form); });
answer.addEventListener("submit", e => {
  if (!e.target.matches(".turn")) return;
  e.preventDefault();
  search(e.target);
});
$("cancel").addEventListener("click", cancel);
addEventListener("popstate", restore);
addEventListener("pageshow", e => { if (e.persisted && lost()) restore(); });
addEventListener("lineup:clear", () => {
  history.replaceState(null, "");
  restore();
  say(t("cleared"));
  $("firstName").focus();
});
if (answer.childElementCount) fold();
else if (kept()) restore();
