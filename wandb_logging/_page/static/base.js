// What all parts of the page share: elements made without HTML, numbers and times as text, one bus of events, the view.
"use strict";

const wl = {};

wl.base = (() => {
  // An element: text is text, whatever is in it. `on...` are listeners, other members attributes.
  function el(name, given, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(given || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (key === "class") node.className = value;
      else if (key === "value" || key === "checked") node[key] = value;
      else node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  }

  const SVG = "http://www.w3.org/2000/svg";
  function svg(name, given, ...children) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(given || {})) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }

  const exponential = (value, digits) => value.toExponential(digits).replace(/\.?0+e/, "e").replace("e+", "e");

  function number(value) {
    if (value === null || value === undefined) return "–";
    if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) < 1e6)) return String(value);
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e6)) return exponential(value, 3);
    return String(Number(value.toPrecision(5)));
  }

  function duration(seconds) {
    const s = Math.abs(seconds);
    if (s < 1) return `${Number((seconds * 1000).toPrecision(3))} ms`;
    if (s < 120) return `${Number(seconds.toPrecision(3))} s`;
    if (s < 7200) return `${Number((seconds / 60).toPrecision(3))} min`;
    if (s < 172800) return `${Number((seconds / 3600).toPrecision(3))} h`;
    return `${Number((seconds / 86400).toPrecision(3))} d`;
  }

  const two = (value) => String(value).padStart(2, "0");
  function moment(seconds) {
    const at = new Date(seconds * 1000);
    if (Number.isNaN(at.getTime())) return "–";
    const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  }

  function cut(text, most) {
    const whole = String(text);
    return whole.length <= most ? whole : `${whole.slice(0, most - 1)}…`;
  }

  // A value of a config or a cell, on one line.
  function brief(value, most = 60) {
    if (value === undefined) return "";
    if (typeof value === "number") return number(value);
    return cut(typeof value === "string" ? value : JSON.stringify(value), most);
  }

  // JSON as Python writes it: NaN and infinities, which are none, become texts. A text without an end matches, too: to
  // look for that end in all ways would take a file that was cut for ever.
  function loose(text) {
    try {
      return JSON.parse(text);
    } catch {
      return JSON.parse(text.replace(/"(?:[^"\\]+|\\.)*"?|NaN|-?Infinity/g, (part) => (part[0] === '"' ? part : `"${part}"`)));
    }
  }

  // Nested mappings by names with dots.
  function flat(values, prefix = "", into = Object.create(null)) {
    for (const [key, value] of Object.entries(values || {})) {
      if (value && typeof value === "object" && !Array.isArray(value) && !("_type" in value) && Object.keys(value).length)
        flat(value, `${prefix}${key}.`, into);
      else into[prefix + key] = value;
    }
    return into;
  }

  // The order of names: those with numbers by them. One collator, for to make one takes longer than to compare; made
  // when there is something to compare.
  let collator = null;
  const compare = (a, b) => (collator ||= new Intl.Collator(undefined, { numeric: true })).compare(a, b);

  // At most one call in so many milliseconds, the first at once.
  function throttled(call, wait) {
    let timer = null;
    let again = false;
    const done = () => {
      timer = null;
      if (again) { again = false; go(); }
    };
    const go = () => {
      if (timer !== null) { again = true; return; }
      timer = setTimeout(done, typeof wait === "function" ? wait() : wait);
      call();
    };
    return go;
  }

  const listeners = {};
  const on = (name, call) => { (listeners[name] ||= []).push(call); };
  const emit = (name, value) => { for (const call of listeners[name] || []) call(value); };

  function button(label, act, given) {
    return el("button", { type: "button", onclick: act, ...given }, label);
  }

  const quiet = (...words) => el("span", { class: "quiet" }, ...words);
  const empty = (...words) => el("p", { class: "empty" }, ...words);

  // A field that is searched by while somebody types.
  const field = (given, act) => {
    const node = el("input", { type: "search", maxlength: 200, spellcheck: "false", ...given });
    node.addEventListener("input", throttled(() => act(node.value), 150));
    return node;
  };

  // A window in front of the page.
  function dialog(title, given, ...content) {
    const node = el("dialog", given, el("header", {}, el("h3", {}, cut(title, 200)), button("Close", () => node.close())), ...content);
    node.addEventListener("close", () => node.remove());
    document.body.append(node);
    return node;
  }

  const table = (heads, rows) => el("table", {}, el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, rows));

  // Have a node's children be these: those that are there stay, with the focus, a selection, a sound that plays.
  function arrange(parent, nodes) {
    const focused = parent.contains(document.activeElement) && document.activeElement !== parent ? pathTo(parent, document.activeElement) : null;
    const wanted = new Set(nodes);
    for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
    let at = parent.firstChild;
    for (const node of nodes) {
      if (node === at) at = at.nextSibling;
      else parent.insertBefore(node, at);
    }
    if (focused && !parent.contains(document.activeElement)) focusOn(parent, focused);
  }

  // Where the focus was, a node that was made anew has it again.
  function pathTo(parent, node) {
    const path = [];
    for (let at = node; at !== parent; at = at.parentNode) path.unshift([...at.parentNode.children].indexOf(at));
    return { path, name: node.tagName };
  }

  function focusOn(parent, { path, name }) {
    const node = path.reduce((at, place) => at && at.children[place], parent);
    if (node && node.tagName === name) node.focus({ preventScroll: true });
  }

  // Nodes by key, each made anew only where the text that stands for it is another one.
  function keeper() {
    let known = new Map();
    let next = new Map();
    return {
      node(key, text, make) {
        const one = known.get(key);
        next.set(key, one && one.text === text ? one : { text, node: make() });
        return next.get(key).node;
      },
      done() { known = next; next = new Map(); },
    };
  }

  function write(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  // Words for who cannot see what changed.
  function say(words) {
    let node = document.getElementById("said");
    if (!node) {
      node = el("div", { id: "said", role: "status", "aria-live": "polite", class: "away" });
      document.body.append(node);
    }
    node.textContent = words;
  }

  return { el, svg, exponential, number, duration, moment, cut, brief, loose, flat, compare, throttled, on, emit, button, quiet, empty, field, dialog, table, arrange, keeper, write, say };
})();

// What is being looked at, kept in the address: to come back to, and to send to somebody.
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

// uPlot makes formatters of numbers and times as it is loaded: 15 ms until the first chart, for what the page does by
// itself. So it gets stand-ins for them, and `plot.js`, which comes behind it, gives the browser's own back.
wl.intl = Intl;
globalThis.Intl = {
  NumberFormat: class { format(value) { return String(value); } },
  DateTimeFormat: class { resolvedOptions() { return {}; } },
};
