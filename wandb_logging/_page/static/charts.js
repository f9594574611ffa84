// The charts: one of each metric, in sections by what is before the slash, drawn when they come into sight.
"use strict";

wl.charts = (() => {
  const { el, on, emit, throttled, button, say, cut, empty, dialog } = wl.base;
  const BINS = 256;
  const FIRST = 4;  // charts that are asked for before the others, so that there is something to look at
  const AT_ONCE = 40;
  const PIECE = 30;  // milliseconds of drawing after which clicks and keys have their turn
  const SECTION = 60;
  const CARDS = 600;
  const AXES = { _step: "step", _runtime: "relative time", _timestamp: "time" };
  const cards = new Map();
  const closed = new Set();
  const opened = new Map();
  let node = null;
  let system = false;
  let large = null;
  let seeing = null;
  // A chart is as large as its place: that of a window, or of a notebook's cell, which has no width at first.
  const sizes = new ResizeObserver(throttled(() => {
    for (const card of due()) {
      const size = wl.plot.sizeOf(card === large ? card.host : card.body);
      if (card.plot && (card.plot.width !== size.width || card.plot.height !== size.height)) card.plot.setSize(size);
    }
  }, 150));
  let drawnSections = "";

  const isSystem = (name) => name.startsWith("system.");
  const axisName = (axis) => AXES[axis] || wl.runs.metrics[axis] || axis;
  const axisOf = () => {
    const x = wl.view.now.x;
    if (system) return "_runtime";
    if (x in AXES) return x;
    const at = wl.runs.metrics.indexOf(x);
    return at < 0 ? "_step" : String(at);
  };

  function names() {
    const found = new Set();
    for (const run of wl.runs.shown()) for (const [metric] of run.figures) found.add(metric);
    return [...found].filter((metric) => isSystem(wl.runs.metrics[metric]) === system);
  }

  async function sections() {
    const view = wl.view.now;
    let metrics = names();
    const texts = metrics.map((metric) => wl.runs.metrics[metric]);
    try {
      const found = await wl.runs.match(view.metrics, texts);
      metrics = metrics.filter((_, at) => found[at]);
      emit("metricsTrouble", "");
    } catch (error) {
      emit("metricsTrouble", error.message);
    }
    const by = new Map();
    const put = (name, metric) => { if (!by.has(name)) by.set(name, []); by.get(name).push(metric); };
    for (const metric of metrics) {
      const name = wl.runs.metrics[metric];
      if (view.pinned.includes(name)) put("pinned", metric);
      const slash = name.indexOf("/");
      put(slash > 0 ? name.slice(0, slash) : system ? "system" : "metrics", metric);
    }
    const order = (a, b) => wl.base.compare(wl.runs.metrics[a], wl.runs.metrics[b]);
    return [...by].sort(([a], [b]) => (b === "pinned") - (a === "pinned") || wl.base.compare(a, b))
      .map(([name, list]) => [name, list.sort(order)]);
  }

  let turn = 0;
  async function show(into, ofSystem) {
    if (node !== into || system !== ofSystem) leave();
    node = into;
    system = ofSystem;
    const mine = ++turn;
    const list = unfolded(await sections());
    if (mine !== turn || !node) return;
    const left = untold();
    const key = JSON.stringify([system, list.map(({ name, shown, metrics }) => [name, shown, metrics.length]), left]);
    if (key !== drawnSections || !node.firstChild) {
      drawnSections = key;
      layOut(list, left);
    }
    look();
  }

  const most = (name) => opened.get(name) || SECTION;

  // Which metrics of each section have a chart: of those that are opened, and of the first ones, but not of thousands.
  function unfolded(list) {
    let count = 0;
    return list.map(([name, metrics]) => {
      const open = opened.has(name) || (!closed.has(name) && count < CARDS);
      const shown = open ? metrics.slice(0, most(name)) : [];
      count += shown.length;
      return { name, metrics, shown, open };
    });
  }

  const untold = () => wl.runs.shown().reduce((most, run) => Math.max(most, run.untold || 0), 0);

  function layOut(list, left) {
    seeing = seeing || new IntersectionObserver(seen, { rootMargin: "200px" });
    const used = new Set();
    const parts = list.map((one) => section(one, used));
    for (const [key, card] of cards) if (!used.has(key)) drop(key, card);
    if (!parts.length) parts.push(nothing());
    if (left) parts.push(el("p", { class: "quiet" }, `Some runs have more metrics than are listed for so many runs: up to ${left} are left out.`));
    node.replaceChildren(...parts);
    if (![...cards.values()].some((card) => card.visible)) for (const card of [...cards.values()].slice(0, FIRST)) card.visible = true;  // the observer will say it a frame later
  }

  function nothing() {
    if (!wl.runs.ready) return empty("Loading the runs …");
    if (!wl.runs.list.length) return el("div", { class: "empty" }, el("p", {}, "There are no runs here yet."), el("p", { class: "quiet" }, "They appear as soon as a program logs."));
    if (!wl.runs.shown().length) return empty("No run is shown: all are hidden, or none matches the filter.");
    if (wl.view.now.metrics) return empty("No metric has this in its name.");
    return empty(system ? "No system metrics were sampled. The setting system_metrics turns them on." : "No numbers were logged.");
  }

  function section({ name, metrics, shown, open }, used) {
    const toggle = button("", () => {
      if (open) { closed.add(name); opened.delete(name); } else { closed.delete(name); opened.set(name, SECTION); }
      emit("layout");
    }, { class: "section-head", "aria-expanded": String(open) });
    toggle.append(el("span", { class: "caret", "aria-hidden": "true" }, open ? "▾" : "▸"), cut(name, 80), " ", el("span", { class: "count" }, String(metrics.length)));
    const rest = metrics.length - shown.length;
    return el("section", { "aria-label": cut(name, 80) }, el("h2", {}, toggle),
      el("div", { class: "grid" }, shown.map((metric) => cardOf(name, metric, used).node)),
      open && rest > 0 ? button(`Show ${Math.min(rest, SECTION)} of ${rest} more`, () => { opened.set(name, most(name) + SECTION); emit("layout"); }, { class: "more" }) : null);
  }

  function cardOf(sectionName, metric, used) {
    const key = `${sectionName === "pinned" ? "p" : ""}${metric}`;
    used.add(key);
    if (!cards.has(key)) cards.set(key, newCard(key, metric));
    const card = cards.get(key);
    card.pin.setAttribute("aria-pressed", String(wl.view.now.pinned.includes(wl.runs.metrics[metric])));
    return card;
  }

  function newCard(key, metric) {
    const name = wl.runs.metrics[metric];
    const body = el("div", { class: "chart", role: "img", "aria-label": `Chart of ${cut(name, 200)}` });
    const note = el("span", { class: "note" });
    const card = { key, metric, body, note, plot: null, data: null, visible: false, stale: true, log: wl.view.now.log, axis: "_step", zooms: true };
    card.pin = button("⚲", () => { wl.view.set({ pinned: wl.view.toggled(wl.view.now.pinned, name) }); }, { title: "Pin to the top", "aria-label": "Pin to the top" });
    const tools = el("div", { class: "tools" }, card.pin,
      button("log", () => { card.log = !card.log; redraw(card); }, { title: "Logarithmic y axis" }),
      wl.save.menu(`Chart of ${cut(name, 60)}`, async () => (card.data ? [card] : [])),
      button("⤢", () => enlarge(card), { title: "Large", "aria-label": "Large" }));
    card.node = el("article", { class: "card", "data-metric": cut(name, 300) }, el("header", {}, el("h3", { title: cut(name, 1000) }, cut(name, 120)), note, tools), body);
    card.node.card = card;
    seeing.observe(card.node);
    sizes.observe(body);
    return card;
  }

  function undraw(card) {
    if (card.plot) card.plot.destroy();
    card.plot = null;
  }

  function drop(key, card) {
    undraw(card);
    card.visible = false;  // what it asked for may still come
    seeing.unobserve(card.node);
    sizes.unobserve(card.body);
    cards.delete(key);
  }

  function leave() {
    for (const [key, card] of [...cards]) drop(key, card);
    if (node) node.replaceChildren();
    drawnSections = "";
    node = null;
    wl.plot.hideTip();
  }

  function seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const { card } = target;
      card.visible = isIntersecting;
      if (!isIntersecting && card !== large) undraw(card);
    }
    load();
  }

  const due = () => [...cards.values()].filter((card) => card.visible || card === large);
  const keys = () => wl.runs.drawn().map((run) => run.key);

  // News may have been missed: all charts need to be asked for once more.
  function refresh() {
    for (const card of cards.values()) card.stale = true;
    load();
  }

  // What is looked at has changed: all charts need other data.
  function look() {
    const wanted = JSON.stringify([axisOf(), wl.view.now.zoom, keys()]);
    for (const card of cards.values()) if (card.wanted !== wanted) { card.stale = true; card.wanted = wanted; }
    load();
  }

  let waiting = new Set();
  let left = 0;  // runs that the server still reads
  function news(changed, reading) {
    const done = left && !reading;
    left = reading;
    for (const key of changed) waiting.add(key);
    if (done) take();
    else fetchNews();
  }

  // While runs are still read news come often: they are put together, so that most of the time is left for reading.
  let took = 0;
  const fetchNews = throttled(take, () => (left ? Math.max(600, 8 * took) : 60));

  async function take() {
    if (document.hidden || !node || loading) return;  // what is on its way has the news, or is older: then they follow
    const shown = keys();
    const only = [...waiting].filter((key) => shown.includes(key));
    waiting = new Set();
    const some = due().filter((card) => !card.stale && card.data);
    for (const card of cards.values()) if (!some.includes(card)) card.stale = true;
    if (only.length) await fetchFor(some, shown, only);
    load();
  }

  let loading = null;  // what is asked for just now
  async function load() {
    if (loading || !node) return;
    loading = loadStale();
    try { await loading; } finally { loading = null; }
    if (waiting.size) fetchNews();
    if (due().some((card) => card.stale)) load();
  }

  async function loadStale() {
    for (;;) {
      const begun = [...cards.values()].some((card) => card.data);
      const some = due().filter((card) => card.stale).slice(0, begun ? AT_ONCE : FIRST);
      if (!some.length) break;
      for (const card of some) card.stale = false;
      await fetchFor(some, keys(), null);
    }
    for (const card of due()) if (!card.plot && card.data) redraw(card);
  }

  async function fetchFor(some, shown, only) {
    if (!some.length) return;
    const axis = axisOf();
    const { zoom } = wl.view.now;
    const metrics = [...new Set(some.map((card) => card.metric))];
    if (!shown.length) { for (const card of some) { card.data = null; redraw(card); } return; }
    let data;
    try {
      data = await wl.api.bins({ axis, metrics, keys: shown, only, most: large ? 1024 : BINS, zoom });
    } catch (error) {
      for (const card of some) { note(card, cut(error.message, 80)); card.stale = Boolean(only); }
      return;
    }
    const begun = performance.now();
    let rested = begun;
    for (const card of some) {
      give(card, data, axis, only);
      if (only || performance.now() - rested < PIECE) continue;  // news are given at once: older ones must not follow
      await new Promise((done) => { setTimeout(done); });
      rested = performance.now();
    }
    requestAnimationFrame(() => { took = performance.now() - begun; });  // the charts are drawn then
    if (data.read) { catchUp(data.read); emit("read", data.read); }
    emit("drawn");
  }

  // Runs that were read to their end for these charts are exact in the others, too, before news of them come.
  function catchUp(read) {
    for (const card of due())
      for (const [key, part] of card.stale || !card.data ? [] : card.data.of)
        if (!part.exact && read[key] && read[key][1]) waiting.add(key);
    if (waiting.size) fetchNews();
  }

  function give(card, told, axis, only) {
    const data = wl.api.ofMetric(told, card.metric);
    const known = card.data;
    if (only && known) {
      if (known.width !== data.width || known.first !== data.first) { card.stale = true; return; }
      const gone = only.filter((key) => known.of.has(key) && !data.of.has(key) && told.read[key] && told.read[key][1]);
      if (!data.of.size && !gone.length && known.size === data.size) return;
      for (const key of gone) known.of.delete(key);  // its journal was cut, or is another one now
      for (const [key, part] of data.of) known.of.set(key, part);
      card.data = { ...known, size: data.size };
    } else card.data = data;
    card.axis = axis;
    redraw(card);
  }

  function redraw(card) {
    if (!(card.visible || card === large)) return;
    if (!card.data || !card.data.size || !card.data.of.size) {
      undraw(card);
      card.node?.classList.add("void");
      note(card, card.data && card.data.complete ? joined([badWords(card), wl.view.now.zoom ? "nothing in this range" : "no numbers over this axis"]) : card.data ? "reading …" : "");
      if (card === large) large.host.replaceChildren(empty(card.note.textContent || "There is nothing to draw."));
      return;
    }
    card.node.classList.remove("void");
    if (card === large && !card.plot) large.host.replaceChildren();
    const host = card === large ? large.host : card.body;
    card.plot = card.plot ? wl.plot.refresh(card.plot, host, card) : wl.plot.create(host, card);
    note(card, words(card));
    card.body.setAttribute("aria-label", spoken(card));
  }

  // What a screen reader says of a chart: its lines, each with its last value.
  function spoken(card) {
    const { drawn } = card.ready;
    const lines = drawn.slice(0, 5).map((one) => {
      const last = one.shown.findLast((value) => Number.isFinite(value));
      return `${cut(one.name, 60)} ${last === undefined ? "has no value" : wl.plot.short(last)}`;
    });
    if (drawn.length > lines.length) lines.push(`and ${drawn.length - lines.length} more`);
    return `Chart of ${cut(wl.runs.metrics[card.metric], 200)}, last values: ${lines.join(", ")}`;
  }

  // Beside a chart's name; where there is no room for it, the mouse shows the rest.
  function note(card, text) {
    card.note.textContent = card.note.title = text;
  }

  function words(card) {
    const parts = [];
    const sampled = card.ready.drawn.filter((one) => !one.exact).length;
    if (sampled) parts.push("sampled, reading …");
    const [some, all] = [wl.runs.drawn().length, wl.runs.shown().length];
    if (some < all) parts.push(`the first ${some} of ${all} runs`);
    if (card.log) parts.push(card.ready.drawn.some((one) => one.shown.some((value) => value !== null)) ? "log" : "no value above zero for a log axis");
    return joined([...parts, badWords(card)]);
  }

  const joined = (parts) => parts.filter(Boolean).join(" · ");

  // NaN and infinities are counted.
  function badWords(card) {
    let bad = 0;
    for (const run of wl.runs.shown()) bad += (run.figures.get(card.metric) || { bad: 0 }).bad || 0;
    return bad && `${bad} not finite`;
  }

  function redrawAll() {
    for (const card of due()) if (card.data) redraw(card);
  }

  function enlarge(card) {
    const host = el("div", { class: "chart" });
    const name = wl.runs.metrics[card.metric];
    const window = dialog(name, { class: "large", "aria-label": name }, host);
    window.addEventListener("close", () => {
      undraw(card);
      large = null;
      sizes.unobserve(host);
      card.stale = true;
      load();
    });
    undraw(card);
    card.host = host;
    large = card;
    sizes.observe(host);
    window.showModal();
    card.stale = true;
    load();
  }

  function zoom(range) {
    wl.view.set({ zoom: range }, true);
    emit("view", ["zoom"]);
    say(range ? "Zoomed in" : "Zoomed out");
  }

  async function allCards() {
    const list = (await sections()).flatMap(([name, metrics]) => (name === "pinned" ? [] : metrics)).slice(0, 200);
    const axis = axisOf();
    const found = [];
    for (let at = 0; at < list.length; at += AT_ONCE) {
      const metrics = list.slice(at, at + AT_ONCE);
      const data = await wl.api.bins({ axis, metrics, keys: keys(), most: 512, zoom: wl.view.now.zoom });
      for (const metric of metrics) found.push({ metric, axis, log: wl.view.now.log, data: wl.api.ofMetric(data, metric) });
    }
    return found;
  }

  const spread = throttled(() => { for (const card of due()) if (card.plot && !card.body.matches(":hover")) wl.plot.highlight(card.plot, card, highlighted); }, 80);
  let highlighted = null;
  on("standOut", (given) => { highlighted = given; spread(); });
  on("zoom", zoom);
  on("view", (changed) => {
    if (changed.includes("log")) for (const card of cards.values()) card.log = wl.view.now.log;
    if (changed.some((key) => ["smooth", "clip", "log", "group"].includes(key))) redrawAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { for (const card of due()) if (card.plot) { undraw(card); redraw(card); } });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { fetchNews(); load(); } });

  return { AXES, show, leave, news, refresh, axisName, allCards, redrawAll, get cards() { return cards; }, get loading() { return loading; } };
})();
