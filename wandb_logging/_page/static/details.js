// One run, and what runs differ in: facts, config, summary, media, files, artifacts, alerts.
"use strict";

wl.details = (() => {
  const { el, moment, number, cut, brief, arrange, keeper } = wl.base;
  const NOTHING = { complete: false, media: {}, files: [], tasks: [], summary: {} };
  const kept = keeper();
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
    const media = part("media", () => []);
    arrange(node, [
      part("facts", () => facts(run, details), run.info, run.state, run.exit, run.unsent, run.rows, run.lines, run.damaged, run.error, details.error, details.path, wl.runs.look(run)),
      part("config", () => config(run), run.config),
      part("summary", () => summary(run, details), details.summary, [...run.figures]),
      media,
      part("files", () => files(run, details), details.files),
      part("alerts", () => alerts(tasks), tasks),
      part("artifacts", () => artifacts(tasks), tasks),
    ]);
    kept.done();
    wl.media.show(media, run, details);
  }

  function pairs(items) {
    return el("dl", {}, items.filter(([, value]) => value !== null && value !== undefined && value !== "").flatMap(([name, value]) => [el("dt", {}, cut(name, 120)), el("dd", {}, typeof value === "string" ? cut(value, 2000) : value)]));
  }

  function facts(run, details) {
    const { info } = run;
    const state = wl.runs.standing(run) + (run.exit === null || run.exit === undefined ? "" : `, exit code ${run.exit}`);
    return el("div", {}, el("h2", { class: "run-title" }, wl.sidebar.swatch(wl.runs.look(run)), " ", cut(wl.runs.nameOf(run), 200)),
      run.error || details.error ? el("p", { class: "trouble" }, cut(run.error || details.error, 500)) : null,
      pairs([
        ["state", state], ["id", info.id], ["project", [info.entity, info.project].filter(Boolean).join("/")], ["group", info.group],
        ["job type", info.job_type], ["tags", (info.tags || []).join(", ")], ["notes", info.notes], ["started", info.start ? moment(info.start) : ""],
        ["rows", run.rows !== null ? number(run.rows) : run.error ? "" : "reading …"], ["text lines", run.lines === null ? "" : number(run.lines)],
        ["damaged", run.damaged ? `${run.damaged} lines of the journal cannot be read` : ""],
        ["program", info.program], ["git", gitOf(details.git || {})], ["host", info.host_name], ["folder", details.path || run.path],
      ]));
  }

  function gitOf({ commit, remote }) {
    return [commit, remote].filter(Boolean).join(" of ");
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
    const table = el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ["metric", "last", "min", "max", "values"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, rows)));
    return [el("h2", {}, "summary"), byHand.length ? pairs(byHand) : "", table];
  }

  function files(run, details) {
    const names = (details.files || []).filter((name) => !name.startsWith("media/"));
    if (!names.length) return [];
    return [el("h2", {}, "files"), el("ul", {}, names.slice(0, 500).map((name) => el("li", {}, wl.media.link(run, name))))];
  }

  function alerts(tasks) {
    const some = tasks.filter((task) => task.kind === "alert");
    return some.length ? [el("h2", {}, "alerts"), el("ul", {}, some.map((task) => el("li", {}, el("b", {}, `${cut(task.level || "INFO", 12)} ${cut(task.title || "", 200)}`), ` ${cut(task.text || "", 2000)} `, el("span", { class: "quiet" }, `step ${task.step}`))))] : [];
  }

  function artifacts(tasks) {
    const some = tasks.filter((task) => task.kind === "artifact" || task.kind === "use_artifact");
    return some.length ? [el("h2", {}, "artifacts"), el("ul", {}, some.map((task) => el("li", {}, `${task.kind === "artifact" ? "logged" : "used"} ${cut(task.name || "", 200)} `, el("span", { class: "quiet" }, `${cut(task.type || "", 60)}, step ${task.step}`))))] : [];
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
    const table = () => el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "config"), runs.map((run) => el("th", { scope: "col" }, wl.sidebar.swatch(wl.runs.look(run)), " ", cut(wl.runs.nameOf(run), 30))))),
      el("tbody", {}, shown.slice(0, 1000).map((key) => el("tr", { class: differing.has(key) ? "differs" : "" }, el("th", { scope: "row" }, cut(key, 80)), values.get(key).map((value) => el("td", {}, brief(value, 60)))))));
    arrange(bar, [box, kept.node("words", words, () => el("span", { class: "quiet" }, words))]);
    const none = keys.length ? "The runs shown do not differ in their config." : "The runs shown have no config.";
    arrange(place, shown.length ? [kept.node("table", text, table)] : []);
    arrange(node, [bar, shown.length ? place : kept.node("none", none, () => el("p", { class: "empty" }, none))]);
    kept.done();
  }

  return { show, differences };
})();
