// The table of runs: what they are, their config, and the last, lowest and highest value of each metric.
"use strict";

wl.table = (() => {
  const { el, moment, brief, compare, button, cut, quiet, arrange, keeper } = wl.base;
  const rows = keeper();
  const parts = keeper();
  const MOST = 500;
  const COLUMNS = 40;

  function columns() {
    const runs = wl.runs.listed();
    const head = [
      { id: "name", name: "name", of: wl.runs.nameOf },
      { id: "state", name: "state", of: wl.runs.standing },
      { id: "start", name: "started", of: (run) => run.info.start, text: moment },
      { id: "rows", name: "rows", of: (run) => run.rows },
    ];
    const config = [...wl.runs.configKeys()].sort(([a, x], [b, y]) => (y.size > 1) - (x.size > 1) || a.localeCompare(b))
      .map(([key]) => ({ id: `c ${key}`, name: key, of: (run) => run.config[key] }));
    const seen = new Set(runs.flatMap((run) => [...run.figures.keys()]));
    const metrics = [...seen].sort((a, b) => compare(wl.runs.metrics[a], wl.runs.metrics[b]))
      .filter((metric) => !wl.runs.metrics[metric].startsWith("system."))
      .flatMap((metric) => ["last", "low", "high"].map((part) => ({
        id: `${part} ${wl.runs.metrics[metric]}`, name: wl.runs.metrics[metric], part: { last: "last", low: "min", high: "max" }[part],
        of: (run) => (run.figures.get(metric) || {})[part],
      })));
    return { head, config, metrics };
  }

  function sorted(runs, column, down) {
    const value = (run) => column.of(run) ?? null;
    return [...runs].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null);  // what is not there comes last, either way
      const order = typeof x === "number" && typeof y === "number" ? x - y : compare(String(x), String(y));
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
    const top = parts.node("head", JSON.stringify([chosen.map(({ id }) => id), view.sort]), () => heads(chosen, by, down));
    const body = parts.node("body", "", () => el("tbody", {}));
    const place = parts.node("place", "", () => el("div", { class: "scroll", tabindex: 0 }, el("table", {})));
    arrange(body, runs.map((run) => {
      const cells = chosen.map((column) => cell(run, column));
      const text = JSON.stringify([cells, wl.runs.isHidden(run), wl.runs.look(run)]);
      return rows.node(run.key, text, () => el("tr", { class: wl.runs.isHidden(run) ? "hidden-run" : "" }, chosen.map((column, at) => data(run, column, cells[at]))));
    }));
    arrange(place.firstChild, [top, body]);
    const reading = listed.some((run) => !run.exact && run.state !== "unreadable");
    const words = `${listed.length > MOST ? `the first ${MOST} of ${listed.length} runs` : ""}${reading ? " still reading: lowest and highest follow" : ""}`;
    const bar = parts.node("bar", "", () => el("div", { class: "row bar" }));
    const picker = parts.node("picker", JSON.stringify([all.length, chosen.map(({ id }) => id)]), () => columnsMenu(all, chosen, bar));
    arrange(bar, [picker, parts.node("words", words, () => quiet(words))]);
    arrange(node, [bar, place]);
    for (const kept of [rows, parts]) kept.done();
  }

  // What is in a cell: the value, and as text.
  function cell(run, column) {
    const value = column.of(run);
    return [value, value === undefined || value === null ? "" : column.text ? column.text(value) : brief(value, 80)];
  }

  function data(run, column, [value, text]) {
    if (column.id === "name") return el("th", { scope: "row" }, wl.sidebar.swatch(wl.runs.look(run)), " ", button(cut(text, 80), () => wl.view.set({ run: wl.runs.idOf(run), tab: "run" }), { class: "link" }));
    return el("td", { class: typeof value === "number" ? "number" : "", title: typeof value === "string" ? cut(value, 1000) : null }, text);
  }

  function heads(chosen, by, down) {
    return el("thead", {}, el("tr", {}, chosen.map((column) => el("th", { scope: "col", "aria-sort": by === column ? (down ? "descending" : "ascending") : null },
      el("button", { type: "button", class: "sort", title: cut(column.name, 400), onclick: () => wl.view.set({ sort: by === column && !down ? `-${column.id}` : column.id }) },
        cut(column.name, 30), column.part ? el("small", {}, ` ${column.part}`) : "", by === column ? (down ? " ↓" : " ↑") : "")))));
  }

  function columnsMenu(all, chosen, bar) {
    const open = bar.querySelector("details.menu");
    return el("details", { class: "menu wide", open: Boolean(open && open.open) }, el("summary", {}, `Columns (${chosen.length} of ${all.length})`),
      el("div", { class: "menu-list" }, all.slice(0, 600).map((column) => el("label", {}, el("input", {
        type: "checkbox", checked: chosen.includes(column),
        onchange: () => wl.view.set({ columns: wl.view.toggled(chosen.map((one) => one.id), column.id) }),
      }), " ", cut(column.name, 60), column.part ? ` ${column.part}` : ""))));
  }

  return { show };
})();
