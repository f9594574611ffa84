// The text of a run as its console showed it: by level, with colours that are parsed and never HTML.
"use strict";

wl.text = (() => {
  const { el, button, cut, throttled, moment } = wl.base;
  const LEVELS = { all: 0, info: 20, warning: 30, error: 40 };
  const PAGE = 500;
  let run = null;
  let at = -PAGE;
  let follows = true;
  let turn = 0;

  const RANK = { DEBUG: 10, INFO: 20, stdout: 20, WARNING: 30, WARN: 30, stderr: 30, ERROR: 40, CRITICAL: 50 };
  const levelOf = (line) => Math.max(RANK[line.level] ?? 20, line.error && line.level !== "stderr" ? 40 : 0);

  // Text with escape sequences as elements: colours and weights stay, whatever else is in a sequence is left out.
  function ansi(text) {
    const parts = [];
    let style = new Set();
    let last = 0;
    const put = (piece) => {
      const clean = piece.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
      if (clean) parts.push(style.size ? el("span", { class: [...style].join(" ") }, clean) : clean);
    };
    for (const found of text.matchAll(/\u001b(?:\[([0-9;:?<=>]*)[ -/]*([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_]?)/g)) {
      put(text.slice(last, found.index));
      last = found.index + found[0].length;
      if (found[2] === "m") style = styled(style, found[1]);
    }
    put(text.slice(last));
    return parts;
  }

  function styled(style, codes) {
    const now = new Set(style);
    const without = (start) => { for (const name of now) if (name.startsWith(start)) now.delete(name); };
    const list = codes.split(/[;:]/).map(Number);
    for (let at = 0; at < list.length; at++) {
      const code = list[at];
      if (code === 0) now.clear();
      else if (code === 1) now.add("a-bold");
      else if (code === 3) now.add("a-italic");
      else if (code === 4) now.add("a-under");
      else if (code === 22) now.delete("a-bold");
      else if (code >= 30 && code <= 37) { without("a-f"); now.add(`a-f${code - 30}`); }
      else if (code >= 90 && code <= 97) { without("a-f"); now.add(`a-f${code - 90}`); }
      else if (code === 39) without("a-f");
      else if (code === 38 || code === 48) at += list[at + 1] === 5 ? 2 : 4;
    }
    return now;
  }

  function show(node, given) {
    const changed = !run || run.key !== given.key || !node.querySelector(".console");
    run = given;
    if (changed) { at = -PAGE; follows = true; layOut(node); }
    fetchLines(node);
  }

  function layOut(node) {
    const words = el("input", { type: "search", placeholder: "Find in the text", "aria-label": "Find in the text", value: wl.view.now.words, maxlength: 200 });
    words.addEventListener("input", throttled(() => { wl.view.set({ words: words.value }, true); at = words.value ? 0 : -PAGE; fetchLines(node); }, 200));
    const level = el("select", { "aria-label": "Lowest level", onchange: () => { wl.view.set({ level: Number(level.value) }, true); fetchLines(node); } },
      Object.entries(LEVELS).map(([name, value]) => el("option", { value }, name === "all" ? "all levels" : `${name} and above`)));
    level.value = String(wl.view.now.level);
    const go = (where) => { at = where; follows = where < 0; fetchLines(node); };
    node.replaceChildren(el("div", { class: "row bar" }, words, level, button("Start", () => go(0)), button("Earlier", () => go(Math.max(0, first - PAGE))), button("Later", () => go(next)), button("End", () => go(-PAGE)), el("span", { class: "quiet", id: "text-place" })),
      el("div", { class: "console", tabindex: 0, role: "log", "aria-label": "Text of the run" }));
  }

  let first = 0;
  let next = 0;
  async function fetchLines(node) {
    const mine = ++turn;
    const told = await wl.api.text(run.key, { from: at, n: PAGE, level: wl.view.now.level, q: wl.view.now.words }).catch((error) => ({ lines: [], total: 0, next: 0, error: error.message }));
    if (mine !== turn) return;
    const box = node.querySelector(".console");
    if (!box) return;
    const bottom = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    first = told.lines.length ? told.lines[0].number : 0;
    next = told.next;
    box.replaceChildren(...told.lines.map(line));
    if (!told.lines.length) box.append(el("p", { class: "empty" }, told.error || (told.complete === false ? "Reading …" : "No text here.")));
    node.querySelector("#text-place").textContent = told.lines.length ? `lines ${first + 1} to ${told.lines[told.lines.length - 1].number + 1} of ${told.total}` : "";
    if (follows && (bottom || box.dataset.key !== String(run.key))) box.scrollTop = box.scrollHeight;
    box.dataset.key = String(run.key);
  }

  function line(told) {
    const rank = levelOf(told);
    const label = told.level ? cut(told.level, 12) : "";
    return el("div", { class: `line ${rank >= 40 ? "bad" : rank >= 30 ? "warned" : ""}` },
      button(`${told.step}`, () => jump(told), { class: "step", title: `step ${told.step}, ${moment(told.time)}: show it in the charts` }),
      el("span", { class: "level" }, label), el("span", { class: "said" }, told.logger ? el("span", { class: "quiet" }, `${cut(told.logger, 40)} `) : null, ansi(told.text)));
  }

  // To the charts, at the step of a line.
  function jump(told) {
    const [low, high] = run.axis || [0, told.step];
    const room = Math.max(5, (high - low) * 0.05);
    wl.view.set({ tab: "charts", x: "_step", zoom: [told.step - room, told.step + room] });
  }

  return { show, ansi, levelOf };
})();
