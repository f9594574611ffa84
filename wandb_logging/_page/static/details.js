// One run, and what runs differ in: facts, config, summary, media, files, artifacts, alerts.
"use strict";

wl.details = (() => {
  const { el, moment, number, cut, brief, duration } = wl.base;
  let turn = 0;

  async function show(node, run) {
    const mine = ++turn;
    const details = await wl.api.run(run.key).catch((error) => ({ complete: true, error: error.message, media: {}, files: [], tasks: [], summary: {} }));
    if (mine !== turn) return;
    const media = el("div", {});
    node.replaceChildren(facts(run, details), ...config(run), ...summary(run, details), el("h2", {}, "media"), media, ...files(run, details), ...tasks(details));
    wl.media.show(media, run, { media: {}, complete: details.complete, ...details });
  }

  function pairs(items) {
    return el("dl", {}, items.filter(([, value]) => value !== null && value !== undefined && value !== "").flatMap(([name, value]) => [el("dt", {}, cut(name, 120)), el("dd", {}, typeof value === "string" ? cut(value, 2000) : value)]));
  }

  function facts(run, details) {
    const { info } = run;
    const state = `${run.state}${run.exit === null || run.exit === undefined ? "" : `, exit code ${run.exit}`}, ${run.unsent ? "not all of it sent" : "synced"}`;
    return el("div", {}, el("h2", { class: "run-title" }, wl.sidebar.swatch(wl.runs.look(run)), " ", cut(wl.runs.nameOf(run), 200)),
      run.error || details.error ? el("p", { class: "trouble" }, cut(run.error || details.error, 500)) : null,
      pairs([
        ["state", state], ["id", info.id], ["project", [info.entity, info.project].filter(Boolean).join("/")], ["group", info.group],
        ["job type", info.job_type], ["tags", (info.tags || []).join(", ")], ["notes", info.notes], ["started", info.start ? moment(info.start) : ""],
        ["rows", run.rows === null ? "reading …" : number(run.rows)], ["text lines", run.lines === null ? "" : number(run.lines)],
        ["damaged", run.damaged ? `${run.damaged} lines of the journal cannot be read` : ""],
        ["program", info.program], ["host", info.host_name], ["folder", details.path || run.path],
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
    const table = el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ["metric", "last", "min", "max", "values"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, rows)));
    return [el("h2", {}, "summary"), byHand.length ? pairs(byHand) : "", table];
  }

  function files(run, details) {
    const names = (details.files || []).filter((name) => !name.startsWith("media/"));
    if (!names.length) return [];
    return [el("h2", {}, "files"), el("ul", {}, names.slice(0, 500).map((name) => el("li", {}, wl.media.link(run, name))))];
  }

  function tasks(details) {
    const of = (kind) => (details.tasks || []).filter((task) => task.kind === kind);
    const parts = [];
    const alerts = of("alert");
    if (alerts.length) parts.push(el("h2", {}, "alerts"), el("ul", {}, alerts.map((task) => el("li", {}, el("b", {}, `${cut(task.level || "INFO", 12)} ${cut(task.title || "", 200)}`), ` ${cut(task.text || "", 2000)} `, el("span", { class: "quiet" }, `step ${task.step}`)))));
    const artifacts = [...of("artifact"), ...of("use_artifact")];
    if (artifacts.length) parts.push(el("h2", {}, "artifacts"), el("ul", {}, artifacts.map((task) => el("li", {}, `${task.kind === "artifact" ? "logged" : "used"} ${cut(task.name || "", 200)} `, el("span", { class: "quiet" }, `${cut(task.type || "", 60)}, step ${task.step}`)))));
    return parts;
  }

  // What runs differ in, side by side: keys whose values are not all the same.
  function differences(node) {
    const runs = wl.runs.shown().slice(0, 50);
    const all = wl.view.now.only;
    const keys = [...new Set(runs.flatMap((run) => Object.keys(run.config)))].sort();
    const differs = (key) => new Set(runs.map((run) => JSON.stringify(run.config[key]))).size > 1;
    const shown = keys.filter((key) => all || differs(key));
    const box = el("label", {}, el("input", { type: "checkbox", checked: all, onchange: () => wl.view.set({ only: !all }) }), " also what is the same in all");
    const table = el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "config"), runs.map((run) => el("th", { scope: "col" }, wl.sidebar.swatch(wl.runs.look(run)), " ", cut(wl.runs.nameOf(run), 30))))),
      el("tbody", {}, shown.slice(0, 1000).map((key) => el("tr", { class: differs(key) ? "differs" : "" }, el("th", { scope: "row" }, cut(key, 80)), runs.map((run) => el("td", {}, brief(run.config[key], 60)))))));
    node.replaceChildren(el("div", { class: "row bar" }, box, el("span", { class: "quiet" }, `${keys.filter(differs).length} of ${keys.length} keys differ in the ${runs.length} runs shown`)),
      shown.length ? el("div", { class: "scroll", tabindex: 0 }, table) : el("p", { class: "empty" }, keys.length ? "The runs shown do not differ in their config." : "The runs shown have no config."));
    void duration;
  }

  return { show, differences };
})();
