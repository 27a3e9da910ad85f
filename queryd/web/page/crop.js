// The crop frame over the preview: with the pointer it is moved, resized by its corners or
// drawn anew; with the keyboard moved by arrows and resized by Shift and arrows.
import {photo} from "./photo.js";

const least = 24; // pixels of the picture, or what there is

const clamp = (v, low, high) => Math.min(Math.max(v, low), high);

// cropper ties the frame to the stage. changed is called after each change, with true when a
// key made it; enter and leave are what those keys do.
export function cropper(stage, frame, {changed, enter, leave}) {
  let rect = null, drag = null;

  const place = byKey => {
    const {width, height} = photo.image;
    photo.part = {...rect};
    Object.assign(frame.style, {left: 100 * rect.x / width + "%", top: 100 * rect.y / height + "%", width: 100 * rect.w / width + "%", height: 100 * rect.h / height + "%"});
    changed(byKey);
  };
  const set = (x, y, w, h) => {
    const {width, height} = photo.image;
    const lw = Math.min(least, width), lh = Math.min(least, height);
    w = clamp(w, lw, width);
    h = clamp(h, lh, height);
    rect = {x: clamp(x, 0, width - w), y: clamp(y, 0, height - h), w, h};
  };
  const at = e => {
    const r = stage.getBoundingClientRect();
    return {x: clamp((e.clientX - r.left) / r.width, 0, 1) * photo.image.width, y: clamp((e.clientY - r.top) / r.height, 0, 1) * photo.image.height};
  };

  stage.addEventListener("pointerdown", e => {
    if (frame.hidden || e.button !== 0) return;
    const p = at(e), corner = e.target.dataset.corner;
    if (corner) drag = {fixed: {x: corner.includes("w") ? rect.x + rect.w : rect.x, y: corner.includes("n") ? rect.y + rect.h : rect.y}};
    else if (e.target === frame) drag = {by: {x: p.x - rect.x, y: p.y - rect.y}};
    else drag = {fixed: p};
    stage.setPointerCapture(e.pointerId);
    frame.focus();
    e.preventDefault();
  });
  stage.addEventListener("pointermove", e => {
    if (!drag) return;
    const p = at(e), f = drag.fixed;
    if (f) set(Math.min(p.x, f.x), Math.min(p.y, f.y), Math.abs(p.x - f.x), Math.abs(p.y - f.y));
    else set(p.x - drag.by.x, p.y - drag.by.y, rect.w, rect.h);
    place(false);
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => { drag = null; });

  frame.addEventListener("keydown", e => {
    const step = 0.03 * Math.max(photo.image.width, photo.image.height);
    const move = {ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step]}[e.key];
    if (move && e.shiftKey) set(rect.x, rect.y, Math.min(rect.w + move[0], photo.image.width - rect.x), Math.min(rect.h + move[1], photo.image.height - rect.y));
    else if (move) set(rect.x + move[0], rect.y + move[1], rect.w, rect.h);
    else if (e.key === "Enter") enter();
    else if (e.key === "Escape") leave();
    else return;
    e.preventDefault();
    if (move) place(true);
  });

  return {
    start(part) { frame.hidden = false; set(part.x, part.y, part.w, part.h); place(false); frame.focus(); },
    stop() { frame.hidden = true; drag = null; },
  };
}
