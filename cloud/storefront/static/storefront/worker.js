// Keeps tickets' pages and what they are made of, so that one opened today opens again without network.
// Codes are never kept here: a page fetches its key of the day itself and holds it in its tab.

const PAGES = "tickets-1";
const MOST = 40;
const PATIENCE_MS = 3_000;
const PARTS = ["ticket.css", "ticket.js", "pass.js", "qr.js", "base45.js", "blake2b.js", "mark.svg"];

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(PAGES)
      .then((cache) => cache.addAll(PARTS.map((part) => "/static/storefront/" + part)))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== PAGES).map((name) => caches.delete(name))))
      .then(() => self.clients.claim())
      .then(() => self.clients.matchAll({ type: "window" }))
      // The page that brought the worker was loaded before there was one.
      .then((pages) => Promise.all(pages.map((page) => renew(new Request(page.url)).catch(() => null)))),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = new URL(request.url).pathname;
  const ours = request.mode === "navigate" ? path.startsWith("/t/") : path.startsWith("/static/storefront/");
  if (request.method !== "GET" || !ours) return;
  event.respondWith(
    Promise.race([renew(request), late()]).catch(async (problem) => {
      const found = await caches.match(request, { ignoreVary: true });
      if (found) return found;
      if (problem === "late") return fetch(request);
      throw problem;
    }),
  );
});

const late = () => new Promise((_, reject) => setTimeout(() => reject("late"), PATIENCE_MS));

/** From the network, kept for later. What the server says there is none of is forgotten. */
async function renew(request) {
  const reply = await fetch(request);
  const cache = await caches.open(PAGES);
  if (reply.ok) {
    await cache.put(request, reply.clone());
    const kept = await cache.keys();
    for (const old of kept.slice(0, Math.max(0, kept.length - MOST))) await cache.delete(old);
  } else if (reply.status === 404) await cache.delete(request);
  return reply;
}
