// Pages taken along to where there is no network, and visits sent when there is one again.
"use strict";

importScripts("/static/kept.js");

const SHELL = "shell-1";
const PAGES = "pages-";
const FILES = ["/static/console.css", "/static/console.js", "/static/kept.js", "/static/icon.svg", "/static/offline.html"];
// As long as somebody stays signed in at most: nothing of a household is shown for longer.
const LONGEST = 12 * 3600 * 1000;
const MOST = 200;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((shell) => shell.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(tidy().then(() => self.clients.claim()));
});

self.addEventListener("sync", (event) => {
  event.waitUntil(sendKept());
});

self.addEventListener("message", (event) => {
  const { take, person, forget } = event.data;
  const port = event.ports[0];
  const work = forget ? forgetAll() : take ? takeAlong(take, person, port) : tidy(person);
  event.waitUntil(work.then((done) => port && port.postMessage({ done })));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (address.origin !== self.location.origin || request.method !== "GET") return;
  if (address.pathname.startsWith("/static/")) {
    event.respondWith(fetch(request).catch(() => caches.match(request).then((found) => found || Response.error())));
  } else if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => instead(request)));
  }
});

// Pages that are open say what was sent: one may have looked for it a moment before.
async function sendKept() {
  const who = await kept.person();
  if (!who) return;
  await kept.send(who);
  for (const one of await self.clients.matchAll()) one.postMessage({ sent: true });
}

// What stands in for a page that cannot be asked for: its copy, or a page that says so.
async function instead(request) {
  await tidy();
  for (const name of await caches.keys()) {
    if (!name.startsWith(PAGES)) continue;
    const found = await (await caches.open(name)).match(request);
    if (found) return found;
  }
  return (await caches.match("/static/offline.html")) || Response.error();
}

// Copies for one person, who has then read them: the service logs it. Former copies go.
async function takeAlong(addresses, person, port) {
  await forgetPages();
  const pages = await caches.open(PAGES + person);
  let count = 0;
  for (const one of addresses.slice(0, MOST)) {
    const answer = await fetch(one, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer || !answer.ok || answer.redirected) continue;
    const now = Date.now();
    const headers = new Headers(answer.headers);
    headers.delete("Content-Encoding");
    headers.delete("Content-Length");
    headers.set("Kept-At", String(now));
    const text = (await answer.text()).replace("<body ", `<body data-kept="${now}" `);
    await pages.put(one, new Response(text, { headers }));
    count += 1;
    port.postMessage({ count });
  }
  return count;
}

// Copies that are too old, or another person's, go.
async function tidy(person) {
  for (const name of await caches.keys()) {
    if (name.startsWith("shell-") && name !== SHELL) await caches.delete(name);
    if (!name.startsWith(PAGES)) continue;
    if (person && name !== PAGES + person) {
      await caches.delete(name);
      continue;
    }
    const pages = await caches.open(name);
    for (const one of await pages.keys()) {
      const found = await pages.match(one);
      const age = Date.now() - Number(found && found.headers.get("Kept-At"));
      if (!(age >= 0 && age < LONGEST)) await pages.delete(one);
    }
  }
}

async function forgetPages() {
  for (const name of await caches.keys()) if (name.startsWith(PAGES)) await caches.delete(name);
}

async function forgetAll() {
  await forgetPages();
  await kept.clear();
}
