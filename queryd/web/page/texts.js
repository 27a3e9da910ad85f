// The texts of the script, which the server puts into the page from its language file.
const texts = JSON.parse(document.getElementById("texts").textContent);

// t is the text under a key, with its %s filled in one after the other.
export const t = (key, ...values) => values.reduce((text, value) => text.replace("%s", value), texts[key]);

export const $ = id => document.getElementById(id);

// say puts a text into the live region: screen readers read it out. Who sees what it speaks of need not see it.
export const say = (text, unseen = false) => {
  $("status").textContent = text;
  $("status").classList.toggle("unseen", unseen);
};
