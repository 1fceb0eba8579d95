// Visits that wait in this browser until they can be sent. Used by the pages and by the worker.
"use strict";

const kept = (() => {
  const NAME = "fangfan";

  function open() {
    return new Promise((resolve, reject) => {
      const asked = indexedDB.open(NAME, 1);
      asked.onupgradeneeded = () => {
        asked.result.createObjectStore("visits", { keyPath: "key" });
        asked.result.createObjectStore("notes");
      };
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  }

  async function within(stores, mode, act) {
    const base = await open();
    try {
      return await new Promise((resolve, reject) => {
        const work = base.transaction(stores, mode);
        const asked = act(...stores.map((one) => work.objectStore(one)));
        work.oncomplete = () => resolve(asked.result);
        work.onabort = () => reject(work.error);
      });
    } finally {
      base.close();
    }
  }

  const all = () => within(["visits"], "readonly", (visits) => visits.getAll());
  const put = (one) => within(["visits"], "readwrite", (visits) => visits.put(one));
  const drop = (key) => within(["visits"], "readwrite", (visits) => visits.delete(key));
  const clear = () => within(["visits"], "readwrite", (visits) => visits.clear());
  const person = () => within(["notes"], "readonly", (notes) => notes.get("person"));
  const note = (who) => within(["notes"], "readwrite", (notes) => notes.put(who, "person"));

  // A visit that was taken goes and is counted, once, also where a page and the worker sent it at the same time.
  const settle = (key) =>
    within(["visits", "notes"], "readwrite", (visits, notes) => {
      const there = visits.get(key);
      there.onsuccess = () => {
        if (!there.result) return;
        visits.delete(key);
        const count = notes.get("sent");
        count.onsuccess = () => notes.put((count.result || 0) + 1, "sent");
      };
      return there;
    });

  // One that the service refused stays as it is, marked, if it is still there: somebody may have let it go meanwhile,
  // or signed out, while it was on its way.
  const refuse = (key, status) =>
    within(["visits"], "readwrite", (visits) => {
      const there = visits.get(key);
      there.onsuccess = () => {
        if (there.result) visits.put(Object.assign(there.result, { refused: status }));
      };
      return there;
    });

  // How many were sent since this was asked, by whichever page or by the worker.
  const sent = () =>
    within(["notes"], "readwrite", (notes) => {
      const count = notes.get("sent");
      count.onsuccess = () => notes.put(0, "sent");
      return count;
    }).then((number) => number || 0);

  // Sends what this person keeps. The service takes a key once, so that sending again does no harm.
  async function send(who) {
    for (const one of await all()) {
      if (one.person !== who || one.refused) continue;
      let answer;
      try {
        answer = await fetch(one.address, {
          method: "POST",
          headers: { "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" },
          body: one.body,
          redirect: "manual",
        });
      } catch (error) {
        break;
      }
      if (answer.ok) {
        await settle(one.key);
      } else if ([404, 413, 415, 422].includes(answer.status)) {
        // Nothing that waiting mends: whoever made the visit looks at it again. Another person's session (409) is over
        // when whoever made it signs in.
        await refuse(one.key, answer.status);
      } else {
        break;
      }
    }
  }

  return { all, put, drop, clear, person, note, send, sent };
})();
