// The table of runs: what they are, their config, and the last, lowest and highest value of each metric.
"use strict";

wl.table = (() => {
  const { el, number, moment, brief, button, cut } = wl.base;
  const MOST = 500;
  const COLUMNS = 40;

  function columns() {
    const runs = wl.runs.listed();
    const head = [
      { id: "name", name: "name", of: wl.runs.nameOf },
      { id: "state", name: "state", of: (run) => run.state + (run.unsent ? ", unsent" : ", synced") },
      { id: "start", name: "started", of: (run) => run.info.start, text: moment },
      { id: "rows", name: "rows", of: (run) => run.rows },
    ];
    const config = [...wl.runs.configKeys()].sort(([a, x], [b, y]) => (y.size > 1) - (x.size > 1) || a.localeCompare(b))
      .map(([key]) => ({ id: `c ${key}`, name: key, of: (run) => run.config[key], kind: "config" }));
    const seen = new Set(runs.flatMap((run) => [...run.figures.keys()]));
    const metrics = [...seen].sort((a, b) => wl.runs.metrics[a].localeCompare(wl.runs.metrics[b], undefined, { numeric: true }))
      .filter((metric) => !wl.runs.metrics[metric].startsWith("system."))
      .flatMap((metric) => ["last", "low", "high"].map((part) => ({
        id: `${part} ${wl.runs.metrics[metric]}`, name: wl.runs.metrics[metric], part: { last: "last", low: "min", high: "max" }[part], kind: "metric",
        of: (run) => (run.figures.get(metric) || {})[part],
      })));
    return { head, config, metrics };
  }

  function sorted(runs, column, down) {
    const value = (run) => { const found = column.of(run); return found === undefined || found === null ? null : found; };
    return [...runs].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null);  // what is not there comes last, either way
      const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true });
      return down ? -order : order;
    });
  }

  function show(node) {
    const { head, config, metrics } = columns();
    const view = wl.view.now;
    const all = [...head, ...config, ...metrics];
    const usual = [...head, ...config.slice(0, 12), ...metrics.filter((column) => column.part === "last").slice(0, COLUMNS - 16)];
    const chosen = view.columns.length ? all.filter((column) => view.columns.includes(column.id) || column.id === "name") : usual;
    const down = view.sort.startsWith("-");
    const by = all.find((column) => column.id === view.sort.replace(/^-/, ""));
    const listed = wl.runs.listed();
    const runs = (by ? sorted(listed, by, down) : listed).slice(0, MOST);
    const cells = (run) => chosen.map((column) => {
      const value = column.of(run);
      const text = value === undefined || value === null ? "" : column.text ? column.text(value) : brief(value, 80);
      if (column.id === "name") return el("th", { scope: "row" }, wl.sidebar.swatch(wl.runs.look(run)), " ", button(cut(text, 80), () => wl.view.set({ run: wl.runs.idOf(run), tab: "run" }), { class: "link" }));
      return el("td", { class: typeof value === "number" ? "number" : "" , title: typeof value === "string" ? cut(value, 1000) : null }, text);
    });
    const heads = chosen.map((column) => el("th", { scope: "col", "aria-sort": by === column ? (down ? "descending" : "ascending") : null },
      button("", () => wl.view.set({ sort: by === column && !down ? `-${column.id}` : column.id }), { class: "sort", title: cut(column.name, 400) }), ));
    heads.forEach((cell, at) => {
      const column = chosen[at];
      cell.firstChild.append(cut(column.name, 30), column.part ? el("small", {}, ` ${column.part}`) : "", by === column ? (down ? " ↓" : " ↑") : "");
    });
    const picker = el("details", { class: "menu wide" }, el("summary", {}, `Columns (${chosen.length} of ${all.length})`),
      el("div", { class: "menu-list" }, all.slice(0, 600).map((column) => el("label", {}, el("input", {
        type: "checkbox", checked: chosen.includes(column),
        onchange: () => wl.view.set({ columns: wl.view.toggled(chosen.map((one) => one.id), column.id) }),
      }), " ", cut(column.name, 60), column.part ? ` ${column.part}` : ""))));
    const open = node.querySelector("details.menu");
    if (open && open.open) picker.open = true;
    const place = node.querySelector(".scroll");
    const [left, top] = place ? [place.scrollLeft, place.scrollTop] : [0, 0];
    const scroll = el("div", { class: "scroll", tabindex: 0 }, el("table", {}, el("thead", {}, el("tr", {}, heads)),
      el("tbody", {}, runs.map((run) => el("tr", { class: wl.runs.isHidden(run) ? "hidden-run" : "" }, cells(run))))));
    node.replaceChildren(el("div", { class: "row bar" }, picker, el("span", { class: "quiet" }, listed.length > MOST ? `the first ${MOST} of ${listed.length} runs` : "", listed.some((run) => !run.exact && run.state !== "unreadable") ? " still reading: lowest and highest follow" : "")), scroll);
    [scroll.scrollLeft, scroll.scrollTop] = [left, top];
    void number;
  }

  return { show, sorted };
})();
