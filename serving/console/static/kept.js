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

  async function within(store, mode, act) {
    const base = await open();
    try {
      return await new Promise((resolve, reject) => {
        const work = base.transaction(store, mode);
        const asked = act(work.objectStore(store));
        work.oncomplete = () => resolve(asked.result);
        work.onabort = () => reject(work.error);
      });
    } finally {
      base.close();
    }
  }

  const all = () => within("visits", "readonly", (store) => store.getAll());
  const put = (one) => within("visits", "readwrite", (store) => store.put(one));
  const drop = (key) => within("visits", "readwrite", (store) => store.delete(key));
  const clear = () => within("visits", "readwrite", (store) => store.clear());
  const person = () => within("notes", "readonly", (store) => store.get("person"));
  const note = (who) => within("notes", "readwrite", (store) => store.put(who, "person"));
  const count = () => within("notes", "readonly", (store) => store.get("sent"));
  const setCount = (number) => within("notes", "readwrite", (store) => store.put(number, "sent"));

  // How many were sent since this was asked, by whichever page or by the worker.
  async function sent() {
    const number = (await count()) || 0;
    if (number) await setCount(0);
    return number;
  }

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
        await drop(one.key);
        await setCount(((await count()) || 0) + 1);
      } else if ([404, 413, 415, 422].includes(answer.status)) {
        // Nothing that waiting mends: whoever made the visit looks at it again. Another person's session (409) is over
        // when whoever made it signs in.
        await put(Object.assign(one, { refused: answer.status }));
      } else {
        break;
      }
    }
  }

  return { all, put, drop, clear, person, note, send, sent };
})();
