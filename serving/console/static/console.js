// What pages do besides being read, where a browser lets them: work without a network. Nothing needs this file.
"use strict";

(() => {
  const person = document.body.dataset.person;
  const worker = navigator.serviceWorker;
  if (!person || !worker || !window.indexedDB || !window.isSecureContext) return;

  const place = (id) => document.getElementById(id);
  const say = (text, values) => text.replace(/{(\w+)}/g, (_, name) => values[name]);
  const clock = (moment) => {
    // China's time, like all times of the pages, wherever the phone's clock is.
    const at = new Date(Number(moment) + 8 * 3600 * 1000);
    const two = (number) => String(number).padStart(2, "0");
    return `${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
  };
  const line = (text) => {
    const made = document.createElement("p");
    made.textContent = text;
    return made;
  };

  // The worker once it is at work; nothing where a browser has none, as where storage is switched off, or is too slow.
  const registered = worker.register("/static/worker.js", { scope: "/" });
  const tooLong = () => new Promise((resolve) => setTimeout(resolve, 30000));
  const atWork = () => registered.then(() => Promise.race([worker.ready, tooLong()])).catch(() => undefined);

  async function tell(message, heard) {
    const ready = await atWork();
    if (!ready) return undefined;
    return new Promise((resolve) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = ({ data }) => ("done" in data ? resolve(data.done) : heard && heard(data));
      ready.active.postMessage({ person, ...message }, [channel.port2]);
    });
  }

  // Of this page alone; the worker may send while the page does.
  let sent = 0;
  async function showWaiting() {
    const panel = place("waiting");
    const more = await kept.sent();
    sent += more;
    const mine = (await kept.all()).filter((one) => one.person === person);
    panel.textContent = "";
    const open = mine.filter((one) => !one.refused).length;
    if (open) panel.append(line(say(panel.dataset.waiting, { count: open })));
    for (const one of mine.filter((each) => each.refused)) {
      const told = document.createElement("p");
      const link = document.createElement("a");
      link.href = one.address;
      link.textContent = say(panel.dataset.refused, { household: one.household, at: clock(one.at) });
      const gone = document.createElement("button");
      gone.textContent = panel.dataset.drop;
      gone.addEventListener("click", () => kept.drop(one.key).then(() => showWaiting()));
      told.append(link, " ", gone);
      panel.append(told);
    }
    if (sent) panel.append(line(say(panel.dataset.sent, { count: sent })));
    panel.classList.toggle("panel", panel.childElementCount > 0);
  }

  let isSending = false;
  async function send() {
    if (isSending) return;
    isSending = true;
    try {
      await kept.send(person);
      await showWaiting();
    } finally {
      isSending = false;
    }
  }

  // Kept first and sent then: what is sent and answered is dropped, and a line that breaks loses nothing.
  function keepVisits(form) {
    const key = form.elements.submission_key;
    kept.all().then((all) => {
      const former = all.find((one) => one.refused && one.person === person && one.address === form.action);
      if (former) fill(form, new URLSearchParams(former.body));
    });
    // A copy of the page may be filled in twice: these are two visits.
    const fresh = new Uint8Array(16);
    crypto.getRandomValues(fresh);
    key.value = Array.from(fresh, (one) => one.toString(16).padStart(2, "0")).join("");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const body = new URLSearchParams(new FormData(form)).toString();
      const household = form.dataset.household;
      form.querySelector(".wide-button").disabled = true;
      try {
        for (const one of await kept.all()) {
          if (one.refused && one.person === person && one.address === form.action) await kept.drop(one.key);
        }
        await kept.put({ key: key.value, person, household, address: form.action, body, at: Date.now() });
        await kept.send(person);
      } catch (error) {
        // Nothing can be kept in this browser: it is sent as without a script.
        form.submit();
        return;
      }
      const left = (await kept.all()).find((one) => one.key === key.value);
      if (left && left.refused) {
        // The service's own page says what is wrong with it.
        await kept.drop(key.value);
        form.submit();
        return;
      }
      if (left) {
        const ready = await atWork();
        if (ready && ready.sync) await ready.sync.register("visits").catch(() => undefined);
        form.replaceWith(line(form.dataset.kept));
        showWaiting();
        scrollTo(0, 0);
        return;
      }
      location.assign(form.dataset.after);
    });
  }

  function fill(form, values) {
    for (const one of Array.from(form.elements)) {
      if (!one.name || one.type === "hidden") continue;
      const given = values.getAll(one.name);
      if (one.type === "radio" || one.type === "checkbox") one.checked = given.includes(one.value);
      else if (given.length) one.value = given[0];
      const folded = one.closest("details");
      if (folded && given.some((each) => each)) folded.open = true;
    }
  }

  function offerCopies(button) {
    button.hidden = false;
    const said = place("taken");
    button.addEventListener("click", async () => {
      button.disabled = true;
      const links = Array.from(document.querySelectorAll("a[data-take]"));
      const addresses = [location.href];
      for (const one of links) addresses.push(one.href, one.dataset.take);
      const unique = Array.from(new Set(addresses.map((one) => new URL(one, location.href).href)));
      const show = ({ count }) => (said.textContent = say(button.dataset.taking, { count, all: unique.length }));
      const count = await tell({ take: unique }, show);
      said.textContent = say(button.dataset.taken, { count: count || 0, until: clock(Date.now() + 12 * 3600 * 1000) });
      button.disabled = false;
    });
  }

  function askBeforeLeaving(form) {
    let isAsked = false;
    form.addEventListener("submit", async (event) => {
      if (isAsked) return;
      event.preventDefault();
      await kept.send(person).catch(() => undefined);
      // Somebody else's, too: nothing of what waits is lost without a question.
      const left = (await kept.all().catch(() => [])).length;
      if (left && !window.confirm(say(form.dataset.ask, { count: left }))) return;
      // The answer to signing out clears everything as well.
      await tell({ forget: true });
      isAsked = true;
      form.submit();
    });
  }

  const copied = document.body.dataset.kept;
  if (copied) {
    const panel = place("offline");
    panel.append(line(say(panel.dataset.copy, { at: clock(copied) })));
    panel.classList.add("panel");
  }
  tell({}).catch(() => undefined);
  worker.addEventListener("message", () => showWaiting().catch(() => undefined));
  kept.note(person).then(send).catch(() => undefined);
  window.addEventListener("online", send);
  setInterval(send, 60000);
  document.querySelectorAll("form[data-visit]").forEach(keepVisits);
  if (place("take")) offerCopies(place("take"));
  if (place("sign-out")) askBeforeLeaving(place("sign-out"));
})();
