// The runs as the page knows them: what they are, which a pattern finds, in which colour and stroke they are drawn.
"use strict";

wl.runs = (() => {
  const { emit, flat, on } = wl.base;
  // Apart for most colour-blind eyes, on white and on black; the strokes tell them apart without any.
  const COLOURS = ["#4477c9", "#d1603d", "#3a9a6d", "#9a5fb8", "#c0902b", "#3b9fb5", "#c9558a", "#7d8a2e", "#8a6d5c", "#6f79d8"];
  const DRAWN = 300;  // most runs in a chart
  const STROKES = [[], [7, 4], [2, 3], [10, 3, 2, 3]];
  let list = [];
  let metrics = [];
  let matched = null;
  let trouble = "";
  let root = "";
  let ready = false;
  const byKey = new Map();

  function take(told) {
    root = told.root;
    metrics = told.metrics;
    const seen = new Set();
    for (const run of told.runs) { put(run); seen.add(run.key); }
    for (const key of [...byKey.keys()]) if (!seen.has(key)) byKey.delete(key);
    settle();
  }

  function update(told) {
    metrics = told.metrics;
    told.runs.forEach(put);
    settle();
  }

  function put(run) {
    const known = byKey.get(run.key) || {};
    const config = flat(run.config);
    const figures = new Map(run.figures.map(([metric, last, low = null, high = null, count = null, bad = 0]) => [metric, { last, low, high, count, bad }]));
    // While a run is read again its figures are those that were known.
    byKey.set(run.key, { ...known, ...run, config, figures: figures.size || run.exact || !known.figures ? figures : known.figures });
  }

  function settle() {
    list = [...byKey.values()].sort((a, b) => (b.info.start || 0) - (a.info.start || 0) || b.key - a.key);
    ready = true;
    filter();
  }

  const nameOf = (run) => run.info.name || run.info.id || run.path;
  // How it is with a run, in words. Of many runs first only run.json is read: how they ended is not known then.
  const WORDS = { unread: "still being read", unreadable: "cannot be read" };
  const standing = (run) => WORDS[run.state] || `${run.state}, ${run.unsent ? "unsent" : "synced"}`;
  // Identity in an address: where it is.
  const idOf = (run) => run.path;

  let asked = 0;
  async function filter() {
    const mine = ++asked;
    const pattern = wl.view.now.filter;
    const texts = list.map((run) => [nameOf(run), run.path, run.info.group, run.info.job_type, ...(run.info.tags || []), run.state].filter(Boolean).join("\n"));
    let found;
    try {
      found = await match(pattern, texts);
      trouble = "";
    } catch (error) {
      found = texts.map(() => true);
      trouble = error.message;
    }
    if (mine !== asked) return;
    matched = new Set(list.filter((_, at) => found[at]).map((run) => run.key));
    grouped = null;
    emit("runs");
  }

  const listed = () => list.filter((run) => !matched || matched.has(run.key));
  const isHidden = (run) => wl.view.now.hidden.includes(idOf(run));
  const shown = () => listed().filter((run) => !isHidden(run) && run.state !== "unreadable" && !run.error);
  const drawn = () => shown().slice(0, DRAWN);
  const chosen = () => list.find((run) => idOf(run) === wl.view.now.run) || null;

  const lookOf = (place) => ({ colour: COLOURS[place % COLOURS.length], stroke: STROKES[Math.floor(place / COLOURS.length) % STROKES.length] });
  const own = (run) => lookOf(run.key - 1);
  // How a run is drawn: as its group, where there are groups.
  const look = (run) => (wl.view.now.group && groups().get(run.key)) || own(run);
  let grouped = null;  // by run: the line of its group, until anything changes
  const groups = () => (grouped ||= new Map(lines().flatMap((line) => line.runs.map((key) => [key, line]))));

  function configKeys() {
    const keys = new Map();
    for (const run of list) for (const [key, value] of Object.entries(run.config)) {
      if (!keys.has(key)) keys.set(key, new Set());
      keys.get(key).add(JSON.stringify(value));
    }
    return keys;
  }

  // Lines to draw: of runs, or of groups of runs with one value of a config key.
  function lines() {
    const key = wl.view.now.group;
    const runs = shown();
    if (!key) return runs.map((run) => ({ id: run.key, name: nameOf(run), runs: [run.key], ...own(run) }));
    const groups = new Map();
    for (const run of runs) {
      const value = key === "group" || key === "job_type" || key === "project" ? run.info[key] : run.config[key];
      const name = value === undefined ? `no ${key}` : `${key}: ${wl.base.brief(value)}`;
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(run.key);
    }
    return [...groups].sort(([a], [b]) => wl.base.compare(a, b)).map(([name, keys], place) => ({
      id: `g${place}`, name: `${name} (${keys.length})`, runs: keys, ...lookOf(place),
    }));
  }

  // Filters by regular expression: bounded in length and in time.
  const PATTERN = 200;
  const NAME = 400;
  const MILLISECONDS = 300;
  const plain = /^[\w\s/:.,@#%&=~-]*$/;  // with nothing in it that can take long
  let worker = null;
  let questions = 0;

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
    const id = ++questions;
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

  on("view", (changed) => { grouped = null; if (changed.includes("filter")) filter(); });
  return {
    take, update, match, listed, shown, drawn, chosen, isHidden, nameOf, standing, idOf, look, lines, configKeys, byKey,
    get list() { return list; }, get metrics() { return metrics; }, get trouble() { return trouble; },
    get root() { return root; }, get ready() { return ready; },
  };
})();
