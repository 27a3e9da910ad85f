// A record: with a key that this browser knows it is shown at once, and stands between the results that
// it came from. Without this file the form asks for the key.
import {$, say, t} from "./texts.js";
import {send} from "./send.js";
import {reveal} from "./answer.js";
import {back, keepKey, results} from "./kept.js";

const form = $("record"), answer = $("answer");

function show() {
  const key = $("key").value;
  send(form, t("searching"), () => new URLSearchParams({key}), got => {
    form.hidden = got.status < 400 || !answer.querySelector("[data-field]");
    if (got.status < 400) keepKey(key);
    around();
    reveal(form, answer);
  });
}

// around shows the way to the records before and after this one, and back to the results.
function around() {
  const came = results(), nav = $("results");
  if (!came || !nav) return;
  const at = came.records.findIndex(path => path.split("?")[0] === location.pathname);
  if (at < 0) return;
  const link = (id, path) => {
    $(id).hidden = !path;
    if (path) $(id).href = path;
  };
  link("previous", came.records[at - 1]);
  link("next", came.records[at + 1]);
  link("toresults", came.page);
  $("toresults").addEventListener("click", () => back(came.entry));
  $("place").textContent = t("ofresults", at + 1, came.records.length);
  nav.hidden = false;
}

async function copy() {
  const address = location.origin + location.pathname;
  try {
    await navigator.clipboard.writeText(address);
    say(t("copied"));
  } catch {
    say(address); // the browser does not let pages copy: it can be copied by hand
  }
}

answer.addEventListener("click", e => { if (e.target.closest("[data-do=copy]")) copy(); });
addEventListener("lineup:clear", () => location.assign("/search" + location.search));
if (form) {
  form.addEventListener("submit", e => { e.preventDefault(); show(); });
  if ($("key").value && !answer.childElementCount) {
    form.hidden = true;
    show();
  }
} else around();
