// Filters by regular expression: bounded in length and in time.
"use strict";

wl.match = (() => {
  const PATTERN = 200;
  const NAME = 400;
  const MILLISECONDS = 300;
  const plain = /^[\w\s/:.,@#%&=~-]*$/;  // with nothing in it that can take long
  let worker = null;
  let count = 0;

  // Which of some names a pattern matches; all for none. Rejects with words for who typed it.
  async function match(pattern, names) {
    if (!pattern) return names.map(() => true);
    if (pattern.length > PATTERN) throw new Error(`at most ${PATTERN} characters`);
    const short = names.map((name) => String(name).slice(0, NAME));
    if (plain.test(pattern)) {
      const simple = new RegExp(pattern, "im");
      return short.map((name) => simple.test(name));
    }
    return inWorker(pattern, short);
  }

  function inWorker(pattern, names) {
    const fresh = !worker;  // one that has to begin first is waited for
    worker = worker || begin();
    const id = ++count;
    return new Promise((resolve, reject) => {
      const current = worker;
      const late = setTimeout(() => {
        current.terminate();
        if (worker === current) worker = null;
        reject(new Error("this pattern takes too long"));
      }, MILLISECONDS + 2000 * fresh);
      current.addEventListener("message", function take({ data }) {
        if (data.id !== id) return;
        clearTimeout(late);
        current.removeEventListener("message", take);
        if (data.error) reject(new Error(data.error));
        else resolve(data.found);
      });
      current.postMessage({ id, pattern, names });
    });
  }

  function begin() {
    const inside = document.getElementById("matcher");
    if (!inside) return new Worker("/assets/matcher.js");
    return new Worker(URL.createObjectURL(new Blob([inside.textContent], { type: "text/javascript" })));
  }

  return { match };
})();
