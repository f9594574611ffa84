// One run, and what runs differ in: facts, config, summary, media, files, artifacts, alerts.
"use strict";

wl.details = (() => {
  const { el, svg, moment, number, cut, brief, loose, quiet, empty, table, arrange, keeper } = wl.base;
  const NOTHING = { complete: false, media: {}, files: [], tasks: [], summary: {} };
  const kept = keeper();
  const media = keeper();
  let known = { key: null, version: null, details: NOTHING };
  let turn = 0;

  async function show(node, run) {
    const mine = ++turn;
    if (known.key !== run.key || known.version !== run.version || !known.details.complete) {
      const { key, version } = run;
      const details = await wl.api.run(key).catch((error) => ({ complete: true, error: error.message }));
      if (mine !== turn) return;
      known = { key, version, details: { ...NOTHING, ...details } };
    }
    const { details } = known;
    const part = (name, make, ...of) => kept.node(name, JSON.stringify([run.key, ...of]), () => el("section", {}, make()));
    const { tasks } = details;
    const place = part("media", () => []);
    arrange(node, [
      part("facts", () => facts(run, details), run.info, run.state, run.exit, run.unsent, run.rows, run.lines, run.damaged, run.error, details.error, details.path, wl.runs.look(run)),
      part("config", () => config(run), run.config),
      part("summary", () => summary(run, details), details.summary, [...run.figures]),
      place,
      part("files", () => files(run, details), details.files),
      part("alerts", () => alerts(tasks), tasks),
      part("artifacts", () => artifacts(tasks), tasks),
    ]);
    kept.done();
    showMedia(place, run, details);
  }

  function pairs(items) {
    return el("dl", {}, items.filter(([, value]) => value !== null && value !== undefined && value !== "").flatMap(([name, value]) => [el("dt", {}, cut(name, 120)), el("dd", {}, typeof value === "string" ? cut(value, 2000) : value)]));
  }

  function facts(run, details) {
    const { info } = run;
    const { commit, remote } = details.git || {};
    const state = wl.runs.standing(run) + (run.exit === null || run.exit === undefined ? "" : `, exit code ${run.exit}`);
    return el("div", {}, el("h2", { class: "run-title" }, wl.sidebar.swatch(wl.runs.look(run)), " ", cut(wl.runs.nameOf(run), 200)),
      run.error || details.error ? el("p", { class: "trouble" }, cut(run.error || details.error, 500)) : null,
      pairs([
        ["state", state], ["id", info.id], ["project", [info.entity, info.project].filter(Boolean).join("/")], ["group", info.group],
        ["job type", info.job_type], ["tags", (info.tags || []).join(", ")], ["notes", info.notes], ["started", info.start ? moment(info.start) : ""],
        ["rows", run.rows !== null ? number(run.rows) : run.error ? "" : "reading …"], ["text lines", run.lines === null ? "" : number(run.lines)],
        ["damaged", run.damaged ? `${run.damaged} lines of the journal cannot be read` : ""],
        ["program", info.program], ["git", [commit, remote].filter(Boolean).join(" of ")], ["host", info.host_name], ["folder", details.path || run.path],
      ]));
  }

  function config(run) {
    const keys = Object.keys(run.config).sort();
    if (!keys.length) return [];
    return [el("h2", {}, "config"), pairs(keys.map((key) => [key, brief(run.config[key], 500)]))];
  }

  function summary(run, details) {
    const byHand = Object.entries(details.summary || {}).map(([key, value]) => [key, brief(value, 200)]);
    const rows = [...run.figures].filter(([metric]) => !wl.runs.metrics[metric].startsWith("system.")).slice(0, 500)
      .map(([metric, { last, low, high, count }]) => el("tr", {}, el("th", { scope: "row" }, cut(wl.runs.metrics[metric], 80)), [last, low, high, count].map((value) => el("td", { class: "number" }, number(value)))));
    if (!rows.length && !byHand.length) return [];
    return [el("h2", {}, "summary"), byHand.length ? pairs(byHand) : "", el("div", { class: "scroll figures", tabindex: 0 }, table(["metric", "last", "min", "max", "values"], rows))];
  }

  function files(run, details) {
    const names = (details.files || []).filter((name) => !name.startsWith("media/"));
    return listed("files", names.slice(0, 500), (name) => link(run, name));
  }

  const listed = (title, items, words) => (items.length ? [el("h2", {}, title), el("ul", {}, items.map((item) => el("li", {}, words(item))))] : []);

  function alerts(tasks) {
    const some = tasks.filter((task) => task.kind === "alert");
    return listed("alerts", some, (task) => [el("b", {}, `${cut(task.level || "INFO", 12)} ${cut(task.title || "", 200)}`), ` ${cut(task.text || "", 2000)} `, quiet(`step ${task.step}`)]);
  }

  function artifacts(tasks) {
    const some = tasks.filter((task) => task.kind === "artifact" || task.kind === "use_artifact");
    return listed("artifacts", some, (task) => [`${task.kind === "artifact" ? "logged" : "used"} ${cut(task.name || "", 200)} `, quiet(`${cut(task.type || "", 60)}, step ${task.step}`)]);
  }

  // What runs differ in, side by side: keys whose values are not all the same.
  function differences(node) {
    const runs = wl.runs.shown().slice(0, 50);
    const all = wl.view.now.only;
    const keys = [...new Set(runs.flatMap((run) => Object.keys(run.config)))].sort();
    const values = new Map(keys.map((key) => [key, runs.map((run) => run.config[key])]));
    const differing = new Set(keys.filter((key) => new Set(values.get(key).map((value) => JSON.stringify(value))).size > 1));
    const shown = keys.filter((key) => all || differing.has(key));
    const box = kept.node("box", String(all), () => el("label", {}, el("input", { type: "checkbox", checked: all, onchange: () => wl.view.set({ only: !all }) }), " also what is the same in all"));
    const words = `${differing.size} of ${keys.length} keys differ in the ${runs.length} runs shown`;
    const bar = kept.node("bar", "", () => el("div", { class: "row bar" }));
    const place = kept.node("place", "", () => el("div", { class: "scroll", tabindex: 0 }));
    const text = JSON.stringify([runs.map((run) => [wl.runs.nameOf(run), wl.runs.look(run)]), shown, shown.map((key) => values.get(key))]);
    const sides = () => table(["config", ...runs.map((run) => [wl.sidebar.swatch(wl.runs.look(run)), " ", cut(wl.runs.nameOf(run), 30)])],
      shown.slice(0, 1000).map((key) => el("tr", { class: differing.has(key) ? "differs" : "" }, el("th", { scope: "row" }, cut(key, 80)), values.get(key).map((value) => el("td", {}, brief(value, 60))))));
    arrange(bar, [box, kept.node("words", words, () => quiet(words))]);
    const none = keys.length ? "The runs shown do not differ in their config." : "The runs shown have no config.";
    arrange(place, shown.length ? [kept.node("table", text, sides)] : []);
    arrange(node, [bar, shown.length ? place : kept.node("none", none, () => empty(none))]);
    kept.done();
  }

  // Media: pictures, sound, films, tables, HTML in a frame that can do nothing, histograms, and what else there is.
  const ROWS = 200;
  const chosen = new Map();  // the value that somebody went back to, by run and name

  function showMedia(node, run, details) {
    const names = Object.keys(details.media).sort();
    const head = media.node("head", "", () => el("h2", {}, "media"));
    const grid = media.node("grid", "", () => el("div", { class: "grid media-grid" }));
    arrange(grid, names.map((name) => media.node(`of ${name}`, JSON.stringify([run.key, details.media[name]]), () => panel(run, name, details.media[name]))));
    arrange(node, names.length ? [head, grid] : []);
    media.done();
  }

  // One metric: its latest value, and a slider over those before.
  function panel(run, name, values) {
    const place = el("div", { class: "media-place" });
    const step = el("span", { class: "note" });
    const last = values.length - 1;
    const key = `${run.key} ${name}`;
    const put = (at) => {
      if (at < last) chosen.set(key, at);
      else chosen.delete(key);
      const [number_, value] = values[at];
      step.textContent = `step ${number_}`;
      place.replaceChildren(...shown(run, value));
    };
    const begin = Math.min(last, chosen.has(key) ? chosen.get(key) : last);
    const slider = values.length > 1 ? el("input", { type: "range", min: 0, max: last, value: begin, "aria-label": `Step of ${cut(name, 60)}`, oninput: (event) => put(Number(event.target.value)) }) : null;
    put(begin);
    return el("article", { class: "card media" }, el("header", {}, el("h3", { title: cut(name, 400) }, cut(name, 120)), step), place, slider);
  }

  function shown(run, value) {
    const type = String(value._type || "");
    if (type === "histogram" || value.values && value.bins) return [histogram(value)];
    if (type.startsWith("images/")) return (value.filenames || []).slice(0, 64).map((name, at) => picture(run, name, captionOf(value, at)));
    if (type === "image-file") return [picture(run, value.path, value.caption)];
    if (type === "audio-file") return [sound(run, value)];
    if (Array.isArray(value.audio)) return value.audio.slice(0, 32).map((one) => sound(run, one));
    if (type === "video-file") return [film(run, value)];
    if (Array.isArray(value.videos)) return value.videos.slice(0, 16).map((one) => film(run, one));
    if (type === "html-file") return [frame(run, value.path)];
    if (type === "html" && Array.isArray(value.html)) return value.html.slice(0, 8).map((one) => frame(run, one.path));
    if (type === "table-file" || type === "incremental-table-file" || type === "joined-table") return [loggedTable(run, value)];
    if (value.path) return [el("p", {}, `${type} `, link(run, value.path))];
    return [el("pre", {}, cut(JSON.stringify(value, null, 1), 4000))];
  }

  const captionOf = (value, at) => (Array.isArray(value.captions) ? value.captions[at] : "");
  const note = (caption) => (caption ? el("figcaption", {}, cut(caption, 500)) : "");

  function picture(run, name, caption) {
    const address = wl.api.address(run.key, name);
    if (address === "") return absent(name);
    if (/\.svg$/i.test(name)) return el("figure", {}, frame(run, name), note(caption));
    return el("figure", {}, el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, el("img", { src: address, alt: cut(caption || name, 300), loading: "lazy" })), note(caption));
  }

  // A GIF is a picture that moves, to a browser.
  function film(run, { path, caption }) {
    if (/\.gif$/i.test(path)) return picture(run, path, caption);
    return el("figure", {}, el("video", { controls: true, src: wl.api.address(run.key, path), preload: "metadata" }), note(caption));
  }

  const sound = (run, value) => el("figure", {}, el("audio", { controls: true, src: wl.api.address(run.key, value.path), preload: "none" }), note(value.caption));

  // No scripts, no forms, no way out: what is in it is only looked at.
  const frame = (run, name) => el("iframe", { sandbox: "", src: wl.api.address(run.key, name), title: cut(name, 200), loading: "lazy", referrerpolicy: "no-referrer" });
  const ABSENT = "not in this file";  // of an exported page, which holds no more than it has room for
  const absent = (name) => el("span", {}, cut(name, 200), quiet(` ${ABSENT}`));
  const link = (run, name) => wl.api.address(run.key, name, true) === "" ? absent(name) : el("a", { href: wl.api.address(run.key, name, true), download: "" }, cut(name, 200));

  function histogram({ values, bins }) {
    const most = Math.max(...values, 1e-9);
    const [wide, high] = [320, 120];
    const bars = values.slice(0, 512).map((value, at) => svg("rect", { x: (at * wide) / values.length, width: Math.max(0.5, wide / values.length - 1), y: high - (value / most) * high, height: (value / most) * high }));
    const words = `from ${number(bins[0])} to ${number(bins[bins.length - 1])}, most ${number(most)}`;
    return el("figure", {}, svg("svg", { viewBox: `0 0 ${wide} ${high}`, class: "histogram", role: "img", "aria-label": `Histogram ${words}` }, ...bars), el("figcaption", {}, words));
  }

  function loggedTable(run, value) {
    if (wl.api.address(run.key, value.path) === "") return absent(value.path);
    const place = el("div", { class: "scroll small", tabindex: 0 }, "Loading …");
    fetch(wl.api.address(run.key, value.path)).then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error("The file is gone.")))).then((text) => {
      const told = loose(text);
      const rows = (told.data || []).slice(0, ROWS);
      place.replaceChildren(table((told.columns || []).map((name) => cut(name, 60)), rows.map((row) => el("tr", {}, row.map((cell) => el("td", { class: typeof cell === "number" ? "number" : "" }, brief(cell, 120)))))));
      if ((value.nrows || 0) > rows.length) place.append(el("p", { class: "quiet" }, `the ${"increment_num" in value ? "new" : "first"} ${rows.length} of ${value.nrows} rows`));
    }).catch((error) => place.replaceChildren(cut(error.message, 200)));
    return el("div", {}, place, link(run, value.path));
  }

  return { show, differences };
})();
