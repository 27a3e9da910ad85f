// Sending a form with honest progress, and a way to stop it.
import {$, say, t} from "./texts.js";

let stop = null; // ends the request that is running

export const cancel = () => { if (stop) stop(); };

// send posts what prepare makes to where the form goes and shows the answer; done is called
// with it. While one request runs, another is not begun.
export async function send(form, prepare, done) {
  if (stop) return;
  const answer = $("answer"), request = new XMLHttpRequest();
  let sent = 0, over = false;
  const shown = setInterval(() => { if (sent) $("elapsed").textContent = t("seconds", Math.round((Date.now() - sent) / 1000)); }, 500);
  const end = text => {
    over = true;
    stop = null;
    clearInterval(shown);
    $("progress").hidden = true;
    $("submit").removeAttribute("aria-disabled");
    say(text);
  };
  stop = () => { request.abort(); end(t("cancelled")); $("submit").focus(); };
  request.open("POST", form.action);
  request.setRequestHeader("X-Partial", "1");
  request.upload.onprogress = e => {
    if (!e.lengthComputable || sent) return;
    $("bar").value = e.loaded / e.total;
    $("elapsed").textContent = t("percent", Math.round(100 * e.loaded / e.total));
  };
  request.upload.onload = () => {
    sent = Date.now();
    $("bar").removeAttribute("value"); // how long a search takes nobody knows
    $("elapsed").textContent = "";
    say(t("searching"));
  };
  request.onload = () => {
    end(t(request.status < 400 ? "done" : "failed"));
    if ((request.getResponseHeader("Content-Type") || "").startsWith("application/json")) answer.replaceChildren(json(request.responseText));
    else answer.innerHTML = request.responseText; // escaped by the server's templates
    done(answer);
    const heading = answer.querySelector("h2, pre");
    if (heading) heading.focus();
  };
  request.onerror = () => end(t("unreachable"));
  answer.replaceChildren();
  $("bar").value = 0;
  $("elapsed").textContent = "";
  $("progress").hidden = false;
  $("submit").setAttribute("aria-disabled", "true");
  say(t("sending"));
  const body = await prepare();
  if (!over) request.send(body);
}

function json(text) {
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  pre.id = "jsonanswer";
  try { pre.textContent = JSON.stringify(JSON.parse(text), null, 2); } catch { pre.textContent = text; }
  return pre;
}
