// An answer that was put into the page: what needs a script is shown, faults stand at their fields, and
// the reader is led to it.
import {$} from "./texts.js";
import {fold} from "./key.js";

// settle makes an answer, or the page it came with, ready for a browser with scripts: records open in
// this tab, from which Back leads back.
export function settle(within) {
  within.querySelectorAll("[data-script]").forEach(e => { e.hidden = false; });
  within.querySelectorAll("form[target]").forEach(form => {
    form.removeAttribute("target");
    form.querySelectorAll(".out").forEach(e => e.remove());
  });
}

// unmark takes back what mark did.
export function unmark(form) {
  form.querySelectorAll(".error").forEach(e => e.remove());
  form.querySelectorAll("[aria-invalid]").forEach(field => {
    field.removeAttribute("aria-invalid");
    const others = (field.getAttribute("aria-describedby") || "").split(" ").filter(id => id !== field.id + "-error").join(" ");
    if (others) field.setAttribute("aria-describedby", others);
    else field.removeAttribute("aria-describedby");
  });
}

// mark puts the faults that an answer names at their fields, and returns the first such field.
function mark(form, answer) {
  unmark(form);
  const faulty = [...answer.querySelectorAll("[data-field]")].filter(fault => $(fault.dataset.field)).map(fault => {
    const field = $(fault.dataset.field), text = document.createElement("p");
    text.className = "error";
    text.id = field.id + "-error";
    text.textContent = fault.querySelector("span").textContent;
    (field.closest(".beside") || field).after(text);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", [text.id, field.getAttribute("aria-describedby")].filter(Boolean).join(" "));
    for (let folded = field.closest("details"); folded; folded = folded.parentElement.closest("details")) folded.open = true;
    return field;
  });
  fold();
  return faulty[0];
}

// reveal leads to an answer: to the first field that it finds fault with, else to its beginning.
export function reveal(form, answer) {
  const faulty = mark(form, answer);
  if (faulty) {
    faulty.focus();
    return;
  }
  answer.scrollIntoView();
  const heading = answer.querySelector("h2, pre");
  if (heading) heading.focus({preventScroll: true});
}
