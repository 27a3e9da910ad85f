// The face search. Without this file the form still works: a photo is chosen and submitted.
import {$, say, t} from "./texts.js";
import {cancel, put, send} from "./send.js";
import {reveal, unmark} from "./answer.js";
import {fieldsOf, refill} from "./form.js";
import {keep, keepKey, kept, keptPhoto, lost} from "./kept.js";
import {fill} from "./key.js";
import {photo, load, scaled, toSend, packed, unpacked, found, around, drawFace} from "./photo.js";
import {cropper} from "./crop.js";

const form = $("face"), input = $("photo"), stage = $("stage"), canvas = $("preview"), boxes = $("boxes"), drop = $("drop");
const max = Number(form.dataset.max);
const preview = {width: 420, height: 380}; // pixels at most

const crop = cropper(stage, $("frame"), {changed: cropped, enter: () => form.requestSubmit(), leave: () => { cropping(false); $("crop").focus(); }});

// draw shows the picture, with the faces that were found in it.
function draw() {
  stage.hidden = $("crop").hidden = !photo.image;
  boxes.replaceChildren();
  $("filename").textContent = photo.name;
  $("size").textContent = "";
  if (!photo.image) return;
  const {width, height} = photo.image, fit = Math.min(1, 1200 / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * fit));
  canvas.height = Math.max(1, Math.round(height * fit));
  canvas.getContext("2d").drawImage(photo.image, 0, 0, canvas.width, canvas.height);
  stage.style.width = Math.round(Math.min(preview.width, preview.height * width / height)) + "px";
  photo.faces.forEach((face, i) => boxes.append(box(face, i, width, height)));
  const size = scaled(max);
  $("size").textContent = size && !photo.part ? t("pixels", width, height) + ", " + t("scaled", size.w, size.h) : t("pixels", width, height);
}

// box is the frame of a face; with several faces it is a button that searches for that one.
function box(face, i, width, height) {
  const several = photo.faces.length > 1, e = document.createElement(several ? "button" : "div"), used = i === photo.used;
  e.className = used ? "facebox used" : "facebox";
  Object.assign(e.style, {left: 100 * face.x / width + "%", top: 100 * face.y / height + "%", width: 100 * face.w / width + "%", height: 100 * face.h / height + "%"});
  if (!several) return e;
  e.type = "button";
  e.textContent = i + 1;
  e.setAttribute("aria-label", t(used ? "searchedface" : "searchface", i + 1));
  e.setAttribute("aria-pressed", used);
  e.addEventListener("click", () => pick(i));
  return e;
}

// pick searches for another face than the one that was searched.
function pick(i) {
  cropping(false);
  Object.assign(photo, {used: i, chosen: true, part: around(photo.faces[i], 0.5)});
  draw();
  form.requestSubmit();
}

function cropping(on) {
  if (on === !$("frame").hidden) return;
  $("crop").setAttribute("aria-pressed", on);
  $("crophelp").hidden = !on;
  stage.classList.toggle("cropping", on);
  Object.assign(photo, {chosen: false, part: null});
  if (on) {
    const {width, height} = photo.image;
    crop.start(photo.faces[photo.used] ? around(photo.faces[photo.used], 0.4) : {x: width * 0.15, y: height * 0.1, w: width * 0.7, h: height * 0.7});
  } else {
    crop.stop();
    say(t("whole"));
  }
}

function cropped(byKey) {
  const {width, height} = photo.image;
  if (byKey) say(t("part", Math.round(100 * photo.part.w / width), Math.round(100 * photo.part.h / height)));
}

async function choose(file, name) {
  cropping(false);
  photo.chosen = false;
  const shown = await load(file, name || t("photo"));
  offerDemo(false);
  $("answer").replaceChildren();
  draw();
  say(shown ? t("chosen", photo.name) : t("notshown"));
}

// into puts a file that was dropped, pasted or taken into the chooser too.
function into(file) {
  const list = new DataTransfer();
  list.items.add(file);
  input.files = list.files;
  return choose(file, file.name);
}

async function demo() {
  const answer = await fetch("/assets/demo.jpg");
  if (!answer.ok) throw new Error(answer.status);
  await into(new File([await answer.blob()], "DEMO.jpg", {type: "image/jpeg"}));
  offerDemo(true);
}

// offerDemo fills in the key that everybody knows where it works, which is with the demo photo alone.
function offerDemo(works) {
  const key = $("key"), everybodys = key.dataset.demo;
  if (works && everybodys && !key.value) key.value = everybodys;
  if (!works && key.value === everybodys) key.value = "";
}

// show draws what an answer says about the photo.
function show(answer) {
  const faces = answer.querySelector("[data-probe]");
  if (!faces || !photo.image) return;
  const refused = "reason" in faces.dataset;
  found(JSON.parse(faces.dataset.probe), refused);
  if (refused) say(t("choose"));
  draw();
  const others = $("others");
  if (others) photo.faces.forEach((face, i) => { if (i !== photo.used) others.append(thumbnail(face, i)); });
  faces.querySelectorAll("canvas.probe").forEach(c => {
    drawFace(c, photo.faces[photo.used]);
    c.closest("figure").hidden = false;
  });
}

function thumbnail(face, i) {
  const e = document.createElement("button"), picture = document.createElement("canvas");
  e.type = "button";
  e.className = "second";
  picture.width = picture.height = 96;
  drawFace(picture, face);
  e.append(picture, t("searchface", i + 1));
  e.addEventListener("click", () => pick(i));
  return e;
}

// refine does what the advice of an answer says: sets filters and searches again, or leads to them.
function refine(e) {
  const button = e.target.closest("[data-set], [data-focus]");
  if (!button) return;
  $("filters").open = true;
  if (button.dataset.focus) { $(button.dataset.focus).focus(); return; }
  new URLSearchParams(button.dataset.set).forEach((value, name) => { $(name).value = value; });
  form.requestSubmit();
}

const start = () => demo().catch(() => say(t("nodemo")));

// remember makes a step of the history of an answer, with the photo and what was made of it.
async function remember(fields, {html, json}) {
  const {faces, used, part, chosen} = photo, data = photo.file && await packed(), by = data ? data.scale : 1;
  const shrunk = r => ({x: r.x * by, y: r.y * by, w: r.w * by, h: r.h * by});
  keep({fields, html, json, made: {faces: faces.map(shrunk), used, part: part && shrunk(part), chosen}}, data && {id: photo.id, data});
}

// restore shows this step of the history as it was.
async function restore() {
  const entry = kept(), answer = $("answer");
  unmark(form);
  cropping(false);
  if (!entry) {
    form.reset();
    fill();
    await start();
    answer.replaceChildren();
    return;
  }
  refill(form, entry.fields);
  const data = entry.photo && keptPhoto(entry.photo);
  if (data) {
    await into(unpacked(data));
    Object.assign(photo, {id: entry.photo}, entry.made);
  }
  fill();
  show(put(entry));
  say("");
}

const ready = kept() ? restore() : input.files.length ? choose(input.files[0], input.files[0].name) : start();

form.addEventListener("submit", e => {
  e.preventDefault();
  let fields = [];
  send(form, t("sending"), async () => {
    await ready;
    const data = new FormData(form);
    fields = fieldsOf(data);
    if (photo.file) data.set("photo", await toSend(max), photo.name);
    return data;
  }, async got => {
    show($("answer"));
    if (got.status < 400) {
      keepKey($("key").value);
      await remember(fields, got);
    }
    reveal(form, $("answer"));
  });
});
addEventListener("popstate", restore);
addEventListener("pageshow", e => { if (e.persisted && lost()) restore(); });
addEventListener("lineup:clear", async () => {
  history.replaceState(null, "");
  await restore();
  say(t("cleared"));
  input.focus();
});
input.addEventListener("change", () => { if (input.files.length) choose(input.files[0], input.files[0].name); });
$("demo").addEventListener("click", () => demo().catch(() => say(t("nodemo"))));
$("snap").addEventListener("click", () => $("camera").click());
$("camera").addEventListener("change", e => { if (e.target.files.length) into(e.target.files[0]); });
$("crop").addEventListener("click", () => cropping($("frame").hidden));
$("cancel").addEventListener("click", cancel);
$("answer").addEventListener("click", refine);
document.addEventListener("dragover", e => { e.preventDefault(); drop.classList.add("over"); });
document.addEventListener("dragleave", e => { if (!e.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", e => {
  e.preventDefault();
  drop.classList.remove("over");
  if (e.dataTransfer.files.length) into(e.dataTransfer.files[0]);
});
document.addEventListener("paste", e => {
  const file = e.clipboardData && e.clipboardData.files[0];
  if (file) into(file);
});
