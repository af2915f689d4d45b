// A ticket on a phone. Its key of the day is fetched once and kept in this tab; from then on the code needs no network.

import { bytes, line, stepAt, STEP_MS } from "./pass.js";
import { encode } from "./qr.js";

const QUIET = 4; // modules of white around, as the standard asks
const ASK_EVERY_MS = 60_000;
const TICK_MS = 200;
const JUMP_MS = 5_000; // the phone's clock was set: ask the server anew
const kept = "ticket:" + location.pathname;

const page = document.getElementById("ticket");
const svg = document.getElementById("code");
const bar = document.getElementById("step");
const left = document.getElementById("left");
const hint = document.getElementById("hint");

let told = restore(); // what the server said last, and how far its clock is ahead of this phone's
let online = true;
let drawn = "";
let asking = false;
let askedAt = -Infinity;
let wake = null;
let clockGap = Date.now() - performance.now();

function restore() {
  try {
    return JSON.parse(sessionStorage.getItem(kept));
  } catch {
    return null;
  }
}

function keep(answer) {
  told = answer;
  try {
    sessionStorage.setItem(kept, JSON.stringify(answer));
  } catch {
    // A tab that may store nothing shows the code as long as it stays open.
  }
}

async function ask() {
  if (asking) return;
  asking = true;
  askedAt = performance.now();
  const sent = Date.now();
  try {
    const reply = await fetch(location.pathname + "/now", { cache: "no-store", signal: AbortSignal.timeout(8000) });
    if (reply.status === 404) keep({ state: "gone" });
    else if (reply.ok) {
      const answer = await reply.json();
      // The server spoke about half way between asking and hearing.
      keep({ ...answer, ahead_ms: answer.now_ms - (sent + Date.now()) / 2 });
    } else if (reply.status !== 429) throw new Error(String(reply.status));
    online = true;
  } catch {
    online = false;
  } finally {
    asking = false;
    show();
  }
}

const serverNow = () => Date.now() + (told?.ahead_ms ?? 0);

/** Which message stands: the ticket's state, or what keeps its code from being shown. */
function state() {
  if (told === null) return online ? "loading" : "none";
  if (told.state !== "good") return told.state;
  if (serverNow() >= told.until_ms) return "stale";
  return told.key === null ? "plain" : "live";
}

function show() {
  const now = state();
  const good = now === "live" || now === "plain";
  page.dataset.state = now;
  for (const said of page.querySelectorAll("[data-when]")) {
    const when = said.dataset.when;
    said.classList.toggle("shown", when === now || (when === "offline" && good && !online));
  }
  svg.toggleAttribute("hidden", !good);
  hint.toggleAttribute("hidden", !good);
  bar.toggleAttribute("hidden", now !== "live");
  left.toggleAttribute("hidden", !good || told.left === null);
  if (!good) {
    drawn = "";
    return;
  }
  const step = stepAt(serverNow());
  const text = line(bytes(told.raw), told.key === null ? null : bytes(told.key), step);
  if (text !== drawn) draw(text);
  bar.firstElementChild.style.width = `${100 - ((serverNow() % STEP_MS) / STEP_MS) * 100}%`;
  left.querySelector("dd").textContent = `${Math.min(told.left ?? 0, told.persons)} / ${told.persons}`;
}

function draw(text) {
  const rows = encode(text);
  const size = rows.length + 2 * QUIET;
  let path = "";
  rows.forEach((row, y) => {
    for (let x = 0; x < row.length; ) {
      let end = x;
      while (end < row.length && row[end]) end++;
      if (end > x) path += `M${x + QUIET} ${y + QUIET}h${end - x}v1h${x - end}z`;
      x = Math.max(end, x + 1);
    }
  });
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.firstElementChild.setAttribute("d", path);
  drawn = text;
}

async function stayAwake() {
  if (!("wakeLock" in navigator) || document.visibilityState !== "visible" || wake !== null) return;
  try {
    wake = await navigator.wakeLock.request("screen");
    wake.addEventListener("release", () => (wake = null));
  } catch {
    wake = null; // a phone that is saving power may refuse
  }
}

function tick() {
  const gap = Date.now() - performance.now();
  const jumped = Math.abs(gap - clockGap) > JUMP_MS;
  if (jumped) {
    if (told !== null && told.ahead_ms !== undefined) told.ahead_ms -= gap - clockGap;
    clockGap = gap;
  }
  const waited = performance.now() - askedAt;
  const over = told !== null && told.state === "good" && serverNow() >= told.until_ms && waited > 5_000;
  if (document.visibilityState === "visible" && (jumped || over || waited > ASK_EVERY_MS)) ask();
  show();
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  stayAwake();
  clockGap = Date.now() - performance.now(); // while asleep one of the two may have stood still
  ask();
});
window.addEventListener("online", ask);
window.addEventListener("offline", () => {
  online = false;
  show();
});

if ("serviceWorker" in navigator) navigator.serviceWorker.register("/t/worker.js", { scope: "/t/" }).catch(() => {});
show();
ask();
stayAwake();
setInterval(tick, TICK_MS);
