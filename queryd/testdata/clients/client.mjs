// As people write it for a browser: FileReader gives a data URL, whose prefix they cut off.
import { readFile } from "node:fs/promises";
const { BASE, KEY, PHOTO } = process.env;
const dataURL = "data:image/jpeg;base64," + (await readFile(PHOTO)).toString("base64");
const response = await fetch(`${BASE}/faces?key=${encodeURIComponent(KEY)}`, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ queryImageBase64: dataURL.split(",")[1] }),
});
const { faceMatches } = await response.json();
const { offender, similarity, faceId } = faceMatches[0];
if (!(similarity > 90)) throw new Error(`similarity ${similarity}`);
const { offenders } = await (await fetch(`${BASE}/sexoffender?key=${KEY}&faceId=${faceId}`)).json();
if (offenders.length !== 1) throw new Error("faceId finds no record");
console.log(`ok: ${offender.firstName} ${offender.lastName}`);
