// The key: hidden as it is typed, shown on request, kept if its owner asks for it and then folded away.
import {$, say, t} from "./texts.js";
import {keyOfTab} from "./kept.js";

const stored = "lineup.key";

const saved = () => { try { return localStorage.getItem(stored); } catch { return null; } };

// fold hides the field of a key that is saved; a key that was refused is shown.
export function fold() {
  const key = $("key"), known = saved();
  if (!key) return;
  const away = Boolean(known) && key.value === known && !key.hasAttribute("aria-invalid");
  $("keyfield").hidden = away;
  $("savedkey").hidden = !away;
}

// fill puts the key that is known into the field: the saved one, else that of this tab.
export function fill() {
  const key = $("key"), known = saved();
  $("save").checked = Boolean(known);
  if (!key.dataset.given && (known || keyOfTab())) key.value = known || keyOfTab();
  fold();
}

export function keyField() {
  const key = $("key"), save = $("save"), show = $("showkey");
  if (!key) return;
  fill();
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
  show.addEventListener("click", () => {
    const shown = key.type === "password";
    key.type = shown ? "text" : "password";
    show.setAttribute("aria-pressed", shown);
  });
  $("otherkey").addEventListener("click", () => {
    $("keyfield").hidden = false;
    $("savedkey").hidden = true;
    key.focus();
    key.select();
  });
}
