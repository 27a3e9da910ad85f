// As people write it for a browser: FileReader gives a data URL, whose prefix they cut off.
import { readFile } from "node:fs/promises";
const { BASE, KEY, PHOTO } = process.env;
const dataURL = "data:image/jpeg;base64," + (await readFile(PHOTO)).toString("base64");
const faces = (queryImageBase64) => fetch(`${BASE}/faces?key=${encodeURIComponent(KEY)}`, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ queryImageBase64 }),
});
const { faceMatches } = await (await faces(dataURL.split(",")[1])).json();
const { offender, similarity, faceId, matchedImageUrl } = faceMatches[0];
if (!(similarity > 90)) throw new Error(`similarity ${similarity}`);
if ((await fetch(matchedImageUrl)).headers.get("content-type") !== "image/jpeg") throw new Error("no photo");
const { offenders } = await (await fetch(`${BASE}/sexoffender?key=${KEY}&faceId=${faceId}`)).json();
if (offenders.length !== 1) throw new Error("faceId finds no record");
const refused = await faces(dataURL); // the prefix forgotten
const { reason } = await refused.json();
if (refused.status !== 400 || reason !== "data_prefix") throw new Error(`with the prefix: ${refused.status} ${reason}`);
console.log(`ok: ${offender.firstName} ${offender.lastName}`);
