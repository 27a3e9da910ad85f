// The fields of a form as text, to be kept and filled in again. Files and the key are not among them.
const apart = ["key", "photo", "page"];

export const fieldsOf = data => [...data].filter(([name, value]) => !apart.includes(name) && typeof value === "string");

// refill fills a form with fields; what is not among them is emptied.
export function refill(form, fields) {
  const values = new Map(fields);
  for (const field of form.elements) {
    if (!field.name || apart.includes(field.name)) continue;
    if (field.type === "checkbox") field.checked = values.get(field.name) === field.value;
    else field.value = values.get(field.name) ?? "";
    const folded = field.closest("details");
    if (folded && field.value && field.type !== "checkbox") folded.open = true;
  }
}
