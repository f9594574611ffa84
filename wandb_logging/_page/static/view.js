// What is being looked at, kept in the address: to come back to, and to send to somebody.
"use strict";

wl.view = (() => {
  const { emit } = wl.base;
  const NONE = {
    tab: "charts", x: "_step", smooth: 0, log: false, clip: false, filter: "", metrics: "", group: "", zoom: null,
    hidden: [], pinned: [], run: "", sort: "", media: "", level: 0, words: "", only: false, columns: [],
  };
  let now = { ...NONE };

  function read() {
    const found = { ...NONE };
    for (const [key, text] of new URLSearchParams(location.hash.slice(1))) {
      if (!(key in NONE)) continue;
      try {
        const value = JSON.parse(text);
        if (fits(key, value)) found[key] = value;
      } catch { /* an address that somebody cut: what is left counts */ }
    }
    return found;
  }

  function fits(key, value) {
    if (key === "zoom") return value === null || (Array.isArray(value) && value.length === 2 && value.every(Number.isFinite));
    if (Array.isArray(NONE[key])) return Array.isArray(value) && value.every((item) => typeof item === "string");
    return typeof value === typeof NONE[key];
  }

  function write() {
    const params = new URLSearchParams();
    for (const [key, value] of Object.entries(now))
      if (JSON.stringify(value) !== JSON.stringify(NONE[key])) params.set(key, JSON.stringify(value));
    const text = params.toString();
    try {
      history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
    } catch { /* in a notebook the page has no address of its own */ }
  }

  // Look at something else. `quiet` where who changes it draws it, too.
  function set(change, quiet = false) {
    now = { ...now, ...change };
    write();
    if (!quiet) emit("view", Object.keys(change));
  }

  const toggled = (list, item) => (list.includes(item) ? list.filter((other) => other !== item) : [...list, item]);

  now = read();
  addEventListener("hashchange", () => { now = read(); emit("view", Object.keys(NONE)); });
  return { get now() { return now; }, set, toggled };
})();
