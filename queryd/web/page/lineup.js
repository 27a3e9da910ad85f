// On every page: what needs a script is shown, and a key is kept if its owner asks for it.
import {$, say, t} from "./texts.js";

const stored = "lineup.key";

function remember(key, save) {
  let known = null;
  try { known = localStorage.getItem(stored); } catch { /* storage is switched off */ }
  if (known) {
    save.checked = true;
    if (!key.dataset.given) key.value = known;
  }
  const keep = () => {
    try {
      if (save.checked) localStorage.setItem(stored, key.value);
      else localStorage.removeItem(stored);
    } catch {
      save.checked = false;
      say(t("nostore"));
    }
  };
  save.addEventListener("change", keep);
  key.addEventListener("change", keep);
}

document.querySelectorAll("[data-script]").forEach(e => { e.hidden = false; });
if ($("save")) remember($("key"), $("save"));
const heading = document.querySelector("#answer h2[tabindex]");
if (heading) heading.focus(); // the answer to a form
