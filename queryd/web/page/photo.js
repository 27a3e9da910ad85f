// The photo to search for: the file, its picture, the faces the server found in it, and the
// part that is sent. Rectangles are {x, y, w, h} in pixels of the whole, upright picture.
const longest = 2048; // pixels: the server looks at no more

export const photo = {id: "", name: "", file: null, image: null, faces: [], used: 0, part: null};

// load takes a file. A picture that cannot be shown can still be sent: the server then says
// what is wrong with it.
export async function load(file, name) {
  Object.assign(photo, {id: Date.now().toString(36), name, file, image: null, faces: [], used: 0, part: null});
  try { photo.image = await createImageBitmap(file); } catch { /* no picture */ }
  return photo.image !== null;
}

const whole = () => ({x: 0, y: 0, w: photo.image.width, h: photo.image.height});

// scaled is the size that a part is sent in, or null when the file goes as it is.
export function scaled(max) {
  if (!photo.image) return null;
  const part = photo.part || whole();
  const small = Math.min(1, longest / Math.max(part.w, part.h));
  if (!photo.part && small === 1 && photo.file.size < max && /^image\/(jpeg|png)$/.test(photo.file.type)) return null;
  return {w: Math.max(1, Math.round(part.w * small)), h: Math.max(1, Math.round(part.h * small))};
}

// toSend is the file, or the part chosen, or the picture scaled down when it is too large.
export function toSend(max) {
  const size = scaled(max);
  if (!size) return photo.file;
  const part = photo.part || whole(), cut = document.createElement("canvas");
  cut.width = size.w;
  cut.height = size.h;
  cut.getContext("2d").drawImage(photo.image, part.x, part.y, part.w, part.h, 0, 0, cut.width, cut.height);
  return new Promise(done => cut.toBlob(done, "image/jpeg", 0.92));
}

// found takes the boxes of an answer. A face that was chosen from those already known stays
// chosen among them. When the photo was refused because of its many faces, none was used.
export function found(probe, refused) {
  if (!photo.image || !probe.width) return;
  const from = photo.part || whole(), f = from.w / probe.width;
  const boxes = [probe.box].concat(probe.others).map(b => ({x: from.x + b.left * f, y: from.y + b.top * f, w: (b.right - b.left) * f, h: (b.bottom - b.top) * f}));
  if (photo.chosen && !refused) photo.faces[photo.used] = boxes[0];
  else Object.assign(photo, {faces: boxes, used: refused ? -1 : 0, chosen: false});
}

// around is a face with room, within the picture and away from the other faces: what is sent
// when that face is chosen.
export function around(face, room) {
  let left = Math.max(0, face.x - room * face.w), right = Math.min(photo.image.width, face.x + (1 + room) * face.w);
  let top = Math.max(0, face.y - room * face.h), bottom = Math.min(photo.image.height, face.y + (1 + room) * face.h);
  for (const other of photo.faces) {
    if (other.x >= face.x + face.w) right = Math.min(right, other.x);
    else if (other.x + other.w <= face.x) left = Math.max(left, other.x + other.w);
    else if (other.y >= face.y + face.h) bottom = Math.min(bottom, other.y);
    else if (other.y + other.h <= face.y) top = Math.max(top, other.y + other.h);
  }
  return {x: left, y: top, w: right - left, h: bottom - top};
}

// drawFace fills a canvas with a face, cut to the canvas's shape.
export function drawFace(canvas, face) {
  const shape = canvas.width / canvas.height, h = Math.min(face.h * 1.7, photo.image.height), w = h * shape;
  const x = face.x + face.w / 2 - w / 2, y = Math.max(0, face.y + face.h / 2 - h / 2);
  canvas.getContext("2d").drawImage(photo.image, x, y, w, h, 0, 0, canvas.width, canvas.height);
}

const keptSize = 1 << 20; // bytes of a photo that a tab keeps; of a larger one it keeps a smaller copy

// packed is the photo as text, for this tab alone: the file, or a smaller copy of a large one.
export async function packed() {
  let file = photo.file, scale = 1;
  if (file.size > keptSize && photo.image) {
    const small = document.createElement("canvas");
    scale = Math.min(1, 1280 / Math.max(photo.image.width, photo.image.height));
    small.width = Math.max(1, Math.round(photo.image.width * scale));
    small.height = Math.max(1, Math.round(photo.image.height * scale));
    small.getContext("2d").drawImage(photo.image, 0, 0, small.width, small.height);
    file = await new Promise(done => small.toBlob(done, "image/jpeg", 0.9));
  }
  if (file.size > keptSize) return null;
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return {name: photo.name, type: file.type, scale, data: btoa(text)};
}

// unpacked is the file that packed made a text of.
export function unpacked({name, type, data}) {
  return new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], name, {type});
}
