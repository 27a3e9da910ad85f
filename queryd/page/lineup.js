// The page works without this file; with it: preview, drag, paste, crop, progress, saved key.
"use strict";
const $ = id => document.getElementById(id);
const status = text => { $("status").textContent = text; };
const stored = "lineup.key";

function remember() {
  const save = $("save"), key = $("key");
  if (!save || !key) return;
  const known = localStorage.getItem(stored);
  if (known) { key.value = known; save.checked = true; }
  const keep = () => save.checked ? localStorage.setItem(stored, key.value) : localStorage.removeItem(stored);
  save.addEventListener("change", keep);
  key.addEventListener("change", keep);
}

// send posts a form and shows the answer's part of the page.
function send(form, body, done) {
  const answer = $("answer"), buttons = form.querySelectorAll("button");
  const request = new XMLHttpRequest(), begun = Date.now();
  let uploaded = false;
  const clock = setInterval(() => { if (uploaded) status("Searching for " + Math.round((Date.now() - begun) / 1000) + " s …"); }, 1000);
  const end = text => { clearInterval(clock); buttons.forEach(b => { b.disabled = false; }); status(text); };
  request.open("POST", form.action);
  request.setRequestHeader("X-Partial", "1");
  request.upload.onprogress = e => { if (e.lengthComputable) status("Sending: " + Math.round(100 * e.loaded / e.total) + " %"); };
  request.upload.onload = () => { uploaded = true; status("Searching …"); };
  request.onload = () => {
    end("");
    if ((request.getResponseHeader("Content-Type") || "").startsWith("text/html")) answer.innerHTML = request.responseText; // escaped by the server's templates
    else answer.textContent = request.responseText;
    answer.focus();
    if (done) done(answer);
  };
  request.onerror = () => end("The server could not be reached. Check the connection and try again.");
  buttons.forEach(b => { b.disabled = true; });
  answer.replaceChildren();
  status("Sending …");
  request.send(body);
}

function faceForm() {
  const form = $("face"), input = $("photo"), canvas = $("preview"), drop = $("drop");
  let file = null, image = null, probe = null, scale = 1;

  const choices = () => probe.refused ? [probe.box].concat(probe.others) : probe.others; // faces not searched for yet
  const draw = () => {
    if (!image) return;
    scale = Math.min(1, 280 / Math.max(image.width, image.height));
    canvas.width = Math.max(1, Math.round(image.width * scale)); canvas.height = Math.max(1, Math.round(image.height * scale));
    const c = canvas.getContext("2d");
    c.drawImage(image, 0, 0, canvas.width, canvas.height);
    if (!probe) return;
    const f = canvas.width / probe.width;
    [probe.box].concat(probe.others).forEach((b, i) => {
      c.lineWidth = i ? 2 : 4; c.strokeStyle = i ? "#ffb000" : "#2fbf71";
      c.strokeRect(b.left * f, b.top * f, (b.right - b.left) * f, (b.bottom - b.top) * f);
    });
    canvas.classList.toggle("pick", choices().length > 0);
  };
  const choose = async chosen => {
    file = chosen; probe = null; image = null;
    $("filename").textContent = chosen.name || "photo";
    try { image = await createImageBitmap(chosen); draw(); } catch { canvas.width = 1; status("This file cannot be shown; the server will say what is wrong with it."); }
  };
  const intoInput = chosen => {
    const list = new DataTransfer(); list.items.add(chosen); input.files = list.files; return choose(chosen);
  };
  const demo = async () => {
    const data = await (await fetch("/assets/demo.jpg")).blob();
    await intoInput(new File([data], "DEMO.jpg", {type: "image/jpeg"}));
  };
  const ready = demo().catch(() => status("The demo photo could not be loaded."));
  $("demo").addEventListener("click", () => { $("answer").replaceChildren(); status(""); demo(); });
  input.addEventListener("change", () => { if (input.files.length) choose(input.files[0]); });
  drop.addEventListener("dragover", e => { e.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", e => { e.preventDefault(); drop.classList.remove("over"); if (e.dataTransfer.files.length) intoInput(e.dataTransfer.files[0]); });
  document.addEventListener("paste", e => { const f = e.clipboardData && e.clipboardData.files[0]; if (f) intoInput(f); });

  // Another face than the largest: cut it out, with room around it, and search for that.
  const crop = b => {
    const room = 0.5 * (b.right - b.left), f = image.width / probe.width;
    const x = Math.max(0, b.left - room), y = Math.max(0, b.top - room);
    const w = Math.min(probe.width, b.right + room) - x, h = Math.min(probe.height, b.bottom + room) - y;
    const cut = document.createElement("canvas");
    cut.width = Math.round(w * f); cut.height = Math.round(h * f);
    cut.getContext("2d").drawImage(image, x * f, y * f, w * f, h * f, 0, 0, cut.width, cut.height);
    cut.toBlob(blob => intoInput(new File([blob], "crop.jpg", {type: "image/jpeg"})).then(() => form.requestSubmit()), "image/jpeg", 0.95);
  };
  canvas.addEventListener("click", e => {
    if (!probe || !image) return;
    const r = canvas.getBoundingClientRect(), x = (e.clientX - r.left) / r.width * probe.width, y = (e.clientY - r.top) / r.height * probe.height;
    const hit = choices().find(b => x >= b.left && x < b.right && y >= b.top && y < b.bottom);
    if (hit) crop(hit);
  });

  const show = answer => {
    const faces = answer.querySelector("[data-probe]");
    if (!faces) return;
    probe = JSON.parse(faces.dataset.probe);
    probe.refused = faces.classList.contains("problem");
    draw();
    if (!image) return;
    const several = answer.querySelector(".several");
    choices().forEach((b, i) => { // the same by keyboard
      const button = document.createElement("button");
      button.type = "button"; button.className = "second"; button.textContent = "Search for face " + (i + (probe.refused ? 1 : 2));
      button.addEventListener("click", () => crop(b));
      if (several) several.append(" ", button);
    });
    const f = image.width / probe.width, b = probe.box, side = (b.bottom - b.top) * 1.5;
    const x = Math.max(0, (b.left + b.right) / 2 - side * 0.42), y = Math.max(0, (b.top + b.bottom) / 2 - side / 2);
    answer.querySelectorAll("canvas.probe").forEach(c => c.getContext("2d").drawImage(image, x * f, y * f, side * 0.84 * f, side * f, 0, 0, c.width, c.height));
  };
  const json = async () => {
    const answer = $("answer"), data = new Uint8Array(await file.arrayBuffer());
    let text = "";
    for (let i = 0; i < data.length; i += 0x8000) text += String.fromCharCode(...data.subarray(i, i + 0x8000));
    status("Searching …");
    try {
      const r = await fetch("/faces", {method: "POST", headers: {"Content-Type": "application/json", "X-API-Key": $("key").value}, body: JSON.stringify({queryImageBase64: btoa(text)})});
      const pre = document.createElement("pre");
      pre.tabIndex = 0; pre.id = "jsonanswer"; pre.textContent = JSON.stringify(await r.json(), null, 2);
      answer.replaceChildren(pre); status(""); answer.focus();
    } catch { status("The server could not be reached. Check the connection and try again."); }
  };
  form.addEventListener("submit", async e => {
    e.preventDefault();
    await ready;
    if ($("json").checked) return json();
    send(form, new FormData(form), show);
  });
}

function plainForm(form) {
  form.addEventListener("submit", e => { e.preventDefault(); send(form, new URLSearchParams(new FormData(form))); });
}

remember();
if ($("face")) faceForm();
if ($("names")) plainForm($("names"));
