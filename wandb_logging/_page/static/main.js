// The beginning: the bar at the top, the keyboard, which part is shown, and news from the server.
"use strict";

(() => {
  const { el, on, emit, throttled, button, cut, quiet, empty, field, dialog, write } = wl.base;
  const top = document.getElementById("top");
  const main = document.getElementById("main");
  const NAMES = { charts: "Charts", table: "Table", run: "Run", text: "Text", config: "Config", system: "System" };

  const tabs = el("nav", { "aria-label": "Views" }, Object.entries(NAMES).map(([tab, name]) => button(name, () => wl.view.set({ tab }), { "data-tab": tab })));
  const where = el("span", { class: "where" });
  const state = el("span", { class: "live", role: "status" });
  const x = el("select", { "aria-label": "x axis", onchange: () => wl.view.set({ x: x.value, zoom: null }) });
  const smooth = el("input", { type: "range", min: 0, max: 0.98, step: 0.01, "aria-label": "Smoothing", oninput: () => wl.view.set({ smooth: Number(smooth.value) }) });
  const log = el("input", { type: "checkbox", onchange: () => wl.view.set({ log: log.checked }) });
  const clip = el("input", { type: "checkbox", onchange: () => wl.view.set({ clip: clip.checked }) });
  const filter = field({ id: "metrics-filter", placeholder: "Filter metrics (regex)", "aria-label": "Filter metrics by regular expression" }, (metrics) => wl.view.set({ metrics }));
  const trouble = el("span", { class: "trouble", role: "alert" });
  const out = button("Zoom out", () => emit("zoom", null), { class: "zoom-out" });
  const tools = el("div", { class: "row tools-bar" }, filter, trouble, el("label", {}, quiet("x "), x), el("label", {}, quiet("smooth "), smooth),
    el("label", {}, log, " log"), el("label", {}, clip, " clip"), out, wl.save.menu("All charts", () => wl.charts.allCards()));
  const menu = button("☰", () => document.body.classList.toggle("side-open"), { class: "side-button", "aria-label": "List of runs" });
  top.append(el("div", { class: "row" }, menu, el("strong", {}, "wandb-logging"), where), tabs, el("div", { class: "row end" }, state, button("?", help, { "aria-label": "Keyboard", title: "Keyboard (?)", class: "round" })));
  main.before(el("div", { id: "tools" }, tools));

  function place() {
    main.replaceChildren();
    wl.charts.leave();
    const node = el("div", { class: "place" });
    main.append(node);
    return node;
  }

  let shown = "";
  let node = null;
  function draw() {
    const { tab } = wl.view.now;
    const fresh = tab !== shown;
    if (fresh || !node) { shown = tab; node = place(); document.body.dataset.tab = tab; }
    controls();
    if (tab === "charts" || tab === "system") wl.charts.show(node, tab === "system");
    else if (tab === "table") wl.table.show(node);
    else if (tab === "config") wl.details.differences(node);
    else one(tab);
    read(tab);
  }

  // Charts ask for what they draw, and so their runs are read. For these it is asked here: other tabs show figures, too,
  // and of a run with long rows no metric may be known yet.
  const asked = new Set();
  async function read(tab) {
    if (wl.api.file) return;
    const charts = tab === "charts" || tab === "system";
    const keys = wl.runs.list.filter((run) => !(charts && run.figures.size) && !run.exact && !run.error && !["unreadable", "unread"].includes(run.state) && !asked.has(run.key)).map((run) => run.key).slice(0, 500);
    if (!keys.length) return;
    for (const key of keys) asked.add(key);
    const found = await wl.api.bins({ axis: "_step", metrics: [], keys, most: 8 }).catch(() => null);
    if (found) emit("read", found.read);
  }

  function one(tab) {
    const run = wl.runs.chosen() || wl.runs.shown()[0];
    if (!run) { node.replaceChildren(empty(wl.runs.ready ? "There is no run to show." : "Loading the runs …")); return; }
    if (node.dataset.run !== String(run.key)) { node.replaceChildren(); node.dataset.run = String(run.key); }
    if (tab === "text") wl.text.show(node, run);
    else wl.details.show(node, run);
  }

  function controls() {
    const view = wl.view.now;
    for (const tab of tabs.children) tab.setAttribute("aria-current", tab.dataset.tab === view.tab ? "page" : "false");
    const only = wl.api.file && wl.runs.list.length === 1 ? wl.runs.list[0] : null;  // as in a notebook: it needs no list
    document.body.classList.toggle("single", Boolean(only));
    where.textContent = only ? `${cut(wl.runs.nameOf(only), 80)}, ${wl.runs.standing(only)}` : wl.runs.root.length > 40 ? `…${wl.runs.root.slice(-39)}` : wl.runs.root;
    where.title = wl.runs.root;
    document.title = `${wl.runs.list.filter((run) => run.state === "running").length ? "● " : ""}${wl.runs.list.length} runs`;
    const metrics = wl.runs.metrics.filter((name) => !name.startsWith("system.")).slice(0, 1000);
    const wanted = [...Object.entries(wl.charts.AXES), ...metrics.map((name) => [name, cut(name, 60)])];
    if (x.dataset.count !== String(wanted.length)) {
      x.dataset.count = String(wanted.length);
      x.replaceChildren(...wanted.map(([value, name]) => el("option", { value }, name)));
    }
    x.value = view.x;
    x.parentNode.hidden = view.tab === "system";  // whose samples have no step
    smooth.value = view.smooth;
    log.checked = view.log;
    clip.checked = view.clip;
    out.hidden = !view.zoom;
    if (filter !== document.activeElement) filter.value = view.metrics;
    status();
  }

  let lost = "";  // why there is no connection to the server, or no news from it
  function status() {
    const drawn = wl.runs.drawn();  // others are not read
    const reading = drawn.filter((run) => !run.exact).length;
    const words = wl.api.file ? cut(wl.api.about || "exported", 80) : lost || (!wl.runs.ready ? "loading …" : reading ? `reading ${reading} of ${drawn.length} runs …` : "live");
    write(state, words);
    state.title = words;
    state.className = `live ${lost ? "lost" : ""} ${wl.api.file ? "past" : reading ? "reading" : ""}`;
  }

  const redraw = throttled(draw, 100);
  on("runs", redraw);
  on("layout", draw);
  on("metricsTrouble", (words) => { trouble.textContent = words ? `Filter: ${words}` : ""; });
  on("view", (changed) => {
    if (changed.includes("run") && !changed.includes("tab") && wl.view.now.run && wl.view.now.tab !== "text" && wl.view.now.tab !== "run") { controls(); return; }
    draw();
  });
  on("connection", (words) => {
    const again = lost && !words;
    lost = words;
    status();
    if (again) { reload(); wl.charts.refresh(); }  // news may have been missed
  });

  // Figures and states follow at their own pace: drawing does not wait for them.
  let changed = new Set();
  const update = throttled(async () => {
    const keys = [...changed];
    changed = new Set();
    if (document.hidden && keys.length) { keys.forEach((key) => changed.add(key)); return; }
    for (let at = 0; at < keys.length; at += 200) {
      await wl.api.runs(keys.slice(at, at + 200)).then(wl.runs.update).catch(() => {});
      await wl.charts.loading;
    }
  }, 500);
  on("news", (news) => {
    if (news.list) reload();
    if (!news.runs.length) return;
    news.runs.forEach((key) => changed.add(key));
    wl.charts.news(news.runs, news.left);
    update();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) update(); });
  // What was read for a chart has figures, too.
  on("read", (read) => {
    for (const [key, [version, exact]] of Object.entries(read)) {
      const run = wl.runs.byKey.get(Number(key));
      if (run && exact && (!run.exact || run.version !== version)) changed.add(run.key);
    }
    if (changed.size) update();
  });

  const reload = throttled(async () => {
    const told = await wl.api.runs().catch((error) => { main.replaceChildren(el("p", { class: "empty trouble" }, error.message)); });
    if (!told) return;
    wl.runs.take(told);
    for (const run of wl.runs.list) if (run.state === "unread") changed.add(run.key);
    if (changed.size) update();
  }, 300);

  const smoother = (by) => wl.view.set({ smooth: Math.max(0, Math.min(0.98, Math.round((wl.view.now.smooth + by) * 100) / 100)) });
  const current = (act) => { const run = wl.sidebar.current(); if (run) act(run); };
  // As the help shows it, what it does, and by key how.
  const KEYS = [
    ["/", "filter the runs", { "/": () => wl.sidebar.search.focus() }],
    ["m", "filter the metrics", { m: () => filter.focus() }],
    ["j  k", "down and up the list of runs", { j: () => wl.sidebar.move(1), k: () => wl.sidebar.move(-1) }],
    ["x", "hide or show the run", { x: () => current(wl.sidebar.toggle) }],
    ["Enter", "choose the run", { Enter: () => current(wl.sidebar.choose) }],
    ["1 … 6", "charts, table, run, text, config, system", Object.fromEntries(Object.keys(NAMES).map((tab, at) => [at + 1, () => wl.view.set({ tab })]))],
    ["l", "logarithmic y axes", { l: () => wl.view.set({ log: !wl.view.now.log }) }],
    ["c", "clip outliers", { c: () => wl.view.set({ clip: !wl.view.now.clip }) }],
    ["+  -", "smooth more, less", { "+": () => smoother(0.1), "-": () => smoother(-0.1) }],
    ["0", "zoom out", { 0: () => emit("zoom", null) }],
    ["Esc", "leave a field, a menu, a window", {}],
    ["?", "this", { "?": help }],
  ];
  const act = Object.assign({}, ...KEYS.map(([, , keys]) => keys));

  function help() {
    dialog("Keyboard", { class: "help", "aria-label": "Keyboard" }, el("dl", {}, KEYS.flatMap(([key, words]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, words)]))).showModal();
  }

  // A menu closes when something else is looked at.
  const menus = () => [...document.querySelectorAll("details.menu[open]")];
  addEventListener("pointerdown", ({ target }) => {
    for (const menu of menus()) if (!menu.contains(target)) menu.open = false;
  });

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && menus().length) {
      for (const menu of menus()) { menu.open = false; menu.firstChild.focus(); }
      return;
    }
    const field = event.target.closest("input, select, textarea");
    if (event.key === "Escape" && field) { field.blur(); return; }
    if ((field && field.type !== "checkbox") || document.querySelector("dialog[open]")) return;
    if (event.key === "Enter" && event.target.closest("button, a, summary")) return;
    const call = act[event.key];
    if (call) { event.preventDefault(); call(); }
  });

  draw();
  reload();
  wl.api.listen();
})();
