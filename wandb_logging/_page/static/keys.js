// The keyboard, and the window that says what it does.
"use strict";

wl.keys = (() => {
  const { el, button } = wl.base;
  const HELP = [
    ["/", "filter the runs"], ["m", "filter the metrics"], ["j  k", "down and up the list of runs"], ["x", "hide or show the run"],
    ["Enter", "choose the run"], ["1 … 6", "charts, table, run, text, config, system"], ["l", "logarithmic y axes"], ["c", "clip outliers"],
    ["+  -", "smooth more, less"], ["0", "zoom out"], ["Esc", "leave a field, a menu, a window"], ["?", "this"],
  ];

  function help() {
    const dialog = el("dialog", { class: "help", "aria-label": "Keyboard" }, el("header", {}, el("h3", {}, "Keyboard"), button("Close", () => dialog.close())),
      el("dl", {}, HELP.flatMap(([key, words]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, words)])));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  const TABS = ["charts", "table", "run", "text", "config", "system"];
  const smoother = (by) => wl.view.set({ smooth: Math.max(0, Math.min(0.98, Math.round((wl.view.now.smooth + by) * 100) / 100)) });
  const act = {
    "/": () => wl.sidebar.search.focus(),
    m: () => document.getElementById("metrics-filter").focus(),
    j: () => wl.sidebar.move(1),
    k: () => wl.sidebar.move(-1),
    x: () => { const run = wl.sidebar.current(); if (run) wl.sidebar.toggle(run); },
    Enter: () => { const run = wl.sidebar.current(); if (run) wl.sidebar.choose(run); },
    l: () => wl.view.set({ log: !wl.view.now.log }),
    c: () => wl.view.set({ clip: !wl.view.now.clip }),
    "+": () => smoother(0.1),
    "-": () => smoother(-0.1),
    0: () => wl.base.emit("zoom", null),
    "?": help,
  };

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
    const tab = TABS[Number(event.key) - 1];
    const call = tab ? () => wl.view.set({ tab }) : act[event.key];
    if (call) { event.preventDefault(); call(); }
  });

  return { help, TABS };
})();
