// Sending a form with honest progress, and a way to stop it.
import {$, say, t} from "./texts.js";
import {settle, unmark} from "./answer.js";

let stop = null; // ends the request that is running

export const cancel = () => { if (stop) stop(); };

// put shows an answer: HTML that the server's templates escaped, or JSON.
export function put({html, json}) {
  const answer = $("answer");
  if (json !== undefined) answer.replaceChildren(pretty(json));
  else answer.innerHTML = html;
  settle(answer);
  return answer;
}

// send posts what prepare makes to where the form goes and shows the answer; done is called with
// {status, html} or {status, json}. While one request runs, another is not begun. begun is what is
// said first.
export async function send(form, begun, prepare, done) {
  if (stop) return;
  const request = new XMLHttpRequest(), bar = $("bar"), waiting = [$("progress"), $("cancel")].filter(Boolean);
  let sent = 0, over = false;
  const elapsed = text => { if ($("elapsed")) $("elapsed").textContent = text; };
  const shown = setInterval(() => { if (sent) elapsed(t("seconds", Math.round((Date.now() - sent) / 1000))); }, 500);
  const end = (text, unseen) => {
    over = true;
    stop = null;
    clearInterval(shown);
    waiting.forEach(e => { e.hidden = true; });
    $("submit").removeAttribute("aria-disabled");
    say(text, unseen);
  };
  stop = () => { request.abort(); end(t("cancelled")); $("submit").focus(); };
  request.open("POST", form.action);
  request.setRequestHeader("X-Partial", "1");
  if (form.elements.json?.checked) request.setRequestHeader("Accept", "application/json"); // a bad key is refused before the field is read
  request.upload.onprogress = e => {
    if (!e.lengthComputable || sent || !bar) return;
    bar.value = e.loaded / e.total;
    elapsed(t("percent", Math.round(100 * e.loaded / e.total)));
  };
  request.upload.onload = () => {
    sent = Date.now();
    if (bar) bar.removeAttribute("value"); // how long a search takes nobody knows
    elapsed("");
    say(t("searching"));
  };
  request.onload = () => {
    end(t(request.status < 400 ? "done" : "failed"), request.status < 400);
    const json = (request.getResponseHeader("Content-Type") || "").startsWith("application/json");
    const answer = {status: request.status, [json ? "json" : "html"]: request.responseText};
    put(answer);
    done(answer);
  };
  request.onerror = () => end(t("unreachable"));
  $("answer").replaceChildren();
  unmark(document.body);
  if (bar) bar.value = 0;
  elapsed("");
  waiting.forEach(e => { e.hidden = false; });
  $("submit").setAttribute("aria-disabled", "true");
  say(begun);
  const body = await prepare();
  if (!over) request.send(body);
}

function pretty(text) {
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  pre.id = "jsonanswer";
  try { pre.textContent = JSON.stringify(JSON.parse(text), null, 2); } catch { pre.textContent = text; }
  return pre;
}
