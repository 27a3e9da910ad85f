import { readFile } from 'node:fs/promises';

const photo = await readFile('demo.jpg');
const answer = await fetch(`${process.env.LINEUP_URL}/faces`, {
  method: 'POST',
  headers: { 'X-API-Key': process.env.LINEUP_KEY, 'Content-Type': 'application/json' },
  body: JSON.stringify({ queryImageBase64: photo.toString('base64') }),
});
const body = await answer.json();
if (!answer.ok) throw new Error(`${answer.status}: ${body.message}`); // never read an error as "nobody"
for (const match of body.faceMatches) {
  console.log(match.similarity.toFixed(1), match.offender?.firstName, match.offender?.lastName, match.offender?.offenderUrl);
}
console.log(`${body.faceMatches.length} matches; searched ${answer.headers.get('X-Coverage')} registries`);
