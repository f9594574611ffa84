// The list of runs: to find, hide and highlight them.
"use strict";

wl.sidebar = (() => {
  const { el, svg, on, emit, button, cut, quiet, field, arrange, keeper, write } = wl.base;
  const MOST = 300;
  const FEW = 40;  // lines that are made before the charts are asked for
  const side = document.getElementById("side");
  let cursor = null;
  const kept = keeper();
  let lines = new Map();
  let most = FEW;

  const SIGNS = { running: "●", finished: "✓", crashed: "✕", unreadable: "!", unread: "…" };

  // A piece of a run's line, as it is drawn in the charts.
  function swatch({ colour, stroke }) {
    const line = svg("line", { x1: 1, x2: 19, y1: 5, y2: 5, stroke: colour, "stroke-width": 3, "stroke-dasharray": (stroke || []).join(" ") });
    return svg("svg", { class: "swatch", width: 20, height: 10, "aria-hidden": "true" }, line);
  }

  const search = field({ placeholder: "Filter runs (regex)", "aria-label": "Filter runs by regular expression", value: wl.view.now.filter }, (filter) => wl.view.set({ filter }));
  const trouble = el("p", { class: "trouble", role: "alert" });
  const count = quiet();
  const group = el("select", { "aria-label": "Group runs by", onchange: () => wl.view.set({ group: group.value }) });
  const all = button("all", () => wl.view.set({ hidden: [] }), { title: "Show all runs" });
  const none = button("none", () => wl.view.set({ hidden: wl.runs.listed().map(wl.runs.idOf) }), { title: "Hide all runs" });
  const list = el("ul", { class: "runs" });
  const more = el("p", { class: "quiet" });
  side.append(el("div", { class: "side-head" }, search, trouble, el("div", { class: "row" }, count, el("span", { class: "row" }, all, none)), el("label", { class: "row" }, quiet("group by"), group)), list, more);

  function draw() {
    const runs = wl.runs.listed();
    write(trouble, wl.runs.trouble ? `Filter: ${wl.runs.trouble}` : "");
    write(count, wl.runs.ready ? `${wl.runs.shown().length} of ${wl.runs.list.length} runs shown` : "loading …");
    drawGroups();
    if (runs.length > most && most < MOST) setTimeout(() => { most = MOST; draw(); });
    lines = new Map(runs.slice(0, most).map((run) => {
      const text = JSON.stringify([wl.runs.nameOf(run), run.state, run.unsent, run.error, run.exact, run.damaged, wl.runs.isHidden(run), wl.view.now.run === wl.runs.idOf(run), cursor === run.key, wl.runs.look(run)]);
      return [run.key, kept.node(run.key, text, () => row(run))];
    }));
    kept.done();
    arrange(list, [...lines.values()]);
    more.textContent = runs.length > MOST ? `and ${runs.length - MOST} more: filter to see them` : "";
  }

  function drawGroups() {
    const keys = [...wl.runs.configKeys().keys()].sort().slice(0, 500);
    const wanted = ["", "project", "group", "job_type", ...keys];
    if (group.dataset.keys !== wanted.join("\n")) {
      group.dataset.keys = wanted.join("\n");
      group.replaceChildren(...wanted.map((key) => el("option", { value: key }, key ? cut(key, 60) : "nothing")));
    }
    group.value = wl.view.now.group;
  }

  function row(run) {
    const name = wl.runs.nameOf(run);
    const box = el("input", { type: "checkbox", checked: !wl.runs.isHidden(run), "aria-label": `Show ${cut(name, 80)}`, onchange: () => toggle(run) });
    const facts = [wl.runs.standing(run), run.damaged ? `${run.damaged} damaged lines` : null, run.error ? cut(run.error, 200) : null].filter(Boolean);
    const words = facts.join(", ");
    const chosen = wl.view.now.run === wl.runs.idOf(run);
    const item = el("li", { class: `run ${run.state}${wl.runs.isHidden(run) ? " hidden-run" : ""}${chosen ? " chosen" : ""}${cursor === run.key ? " cursor" : ""}`, "data-key": run.key },
      box, swatch(wl.runs.look(run)),
      el("button", { type: "button", class: "run-name", title: `${cut(name, 400)}\n${cut(run.path, 400)}\n${words}`, "aria-pressed": String(chosen), onclick: () => choose(run) }, cut(name, 80)),
      run.damaged || run.error ? el("span", { class: "warn", title: words }, "!") : null,
      run.unsent && run.state !== "running" ? el("span", { class: "sent", title: "not all of it is on the server" }, "↑") : null,
      el("span", { class: `state ${run.state}`, role: "img", "aria-label": words, title: words }, SIGNS[run.state] || "?"));
    item.addEventListener("mouseenter", () => emit("standOut", [run.key]));
    item.addEventListener("mouseleave", () => emit("standOut", null));
    return item;
  }

  function toggle(run) {
    wl.view.set({ hidden: wl.view.toggled(wl.view.now.hidden, wl.runs.idOf(run)) });
  }

  function choose(run) {
    const again = wl.view.now.run === wl.runs.idOf(run);
    cursor = run.key;
    wl.view.set({ run: again ? "" : wl.runs.idOf(run) });
  }

  // By keyboard: up and down the list, x hides, Enter chooses.
  function move(by) {
    const runs = wl.runs.listed().slice(0, MOST);
    if (!runs.length) return;
    const at = runs.findIndex((run) => run.key === cursor);
    const next = runs[Math.max(0, Math.min(runs.length - 1, at < 0 ? 0 : at + by))];
    cursor = next.key;
    draw();
    const line = list.querySelector(`[data-key="${next.key}"]`);
    if (line) line.scrollIntoView({ block: "nearest" });
    emit("standOut", [next.key]);
    wl.base.say(`${wl.runs.nameOf(next)}, ${wl.runs.standing(next)}`);
  }

  const current = () => wl.runs.listed().find((run) => run.key === cursor) || null;
  on("runs", draw);
  on("view", (changed) => {
    if (changed.some((key) => ["hidden", "run", "group", "filter"].includes(key))) draw();
    if (changed.includes("filter") && search !== document.activeElement) search.value = wl.view.now.filter;
  });
  let bright = [];
  on("highlight", (keys) => {
    for (const line of bright) line.classList.remove("bright");
    bright = (keys || []).map((key) => lines.get(key)).filter(Boolean);
    for (const line of bright) line.classList.add("bright");
  });
  return { swatch, move, current, toggle, choose, search };
})();
