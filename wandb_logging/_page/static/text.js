// The text of a run as its console showed it: by level, with colours that are parsed and never HTML.
"use strict";

wl.text = (() => {
  const { el, button, cut, quiet, empty, field, moment, arrange, keeper } = wl.base;
  const kept = keeper();
  const LEVELS = { all: 0, info: 20, warning: 30, error: 40 };
  const PAGE = 500;
  let run = null;
  let at = -PAGE;
  let follows = true;
  let turn = 0;

  // Text with escape sequences as elements: colours and weights stay, whatever else is in a sequence is left out.
  function ansi(text) {
    const parts = [];
    let style = NONE;
    let last = 0;
    const put = (piece) => {
      const clean = piece.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
      if (clean) parts.push(style === NONE ? clean : styledText(clean, style));
    };
    for (const found of text.matchAll(/\u001b(?:\[([0-9;:?<=>]*)[ -/]*([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_]?)/g)) {
      put(text.slice(last, found.index));
      last = found.index + found[0].length;
      if (found[2] === "m") style = styled(style, found[1]);
    }
    put(text.slice(last));
    return parts;
  }

  const NONE = { marks: [], colour: null, ground: null };
  const MARKS = { 1: "a-bold", 2: "a-dim", 3: "a-italic", 4: "a-under", 7: "a-inverse", 9: "a-strike" };
  const ENDS = { 22: [1, 2], 23: [3], 24: [4], 27: [7], 29: [9] };

  function styledText(text, { marks, colour, ground }) {
    const node = el("span", { class: [...marks.map((code) => MARKS[code]), ...(ground ? ["a-ground"] : [])].join(" ") }, text);
    if (colour) node.style.color = colour;
    if (ground) node.style.background = ground;
    return node;
  }

  function styled(style, codes) {
    let { marks, colour, ground } = style;
    const list = codes.split(/[;:]/).map(Number);
    for (let at = 0; at < list.length; at++) {
      const code = list[at];
      if (code === 0) [marks, colour, ground] = [[], null, null];
      else if (code in MARKS) marks = [...marks.filter((other) => other !== code), code];
      else if (code in ENDS) marks = marks.filter((other) => !ENDS[code].includes(other));
      else if (code >= 30 && code <= 37) colour = indexed(code - 30);
      else if (code >= 90 && code <= 97) colour = indexed(code - 90);
      else if (code >= 40 && code <= 47) ground = indexed(code - 40);
      else if (code >= 100 && code <= 107) ground = indexed(code - 100);
      else if (code === 39) colour = null;
      else if (code === 49) ground = null;
      else if (code === 38 || code === 48) {
        const [given, length] = extended(list.slice(at + 1));
        if (code === 38) colour = given;
        else ground = given;
        at += length;
      }
    }
    return marks.length || colour || ground ? { marks, colour, ground } : NONE;
  }

  // The colour behind 38 or 48: one of 256, or red, green and blue; and how many numbers it takes.
  function extended([kind, ...rest]) {
    const byte = (value) => Math.max(0, Math.min(255, Math.floor(value) || 0));
    if (kind === 5) return [indexed(byte(rest[0])), 2];
    if (kind === 2) return [`rgb(${byte(rest[0])} ${byte(rest[1])} ${byte(rest[2])})`, 4];
    return [null, 1];
  }

  const SIXTEEN = ["var(--quiet)", "var(--bad)", "var(--good)", "var(--warn)", "var(--accent)", "#a464c0", "#3b9fb5", "var(--quiet)"];
  function indexed(number) {
    if (number < 16) return SIXTEEN[number % 8];
    if (number >= 232) return `rgb(${Array(3).fill(8 + 10 * (number - 232)).join(" ")})`;
    const level = (size) => { const step = Math.floor((number - 16) / size) % 6; return step ? 55 + 40 * step : 0; };
    return `rgb(${level(36)} ${level(6)} ${level(1)})`;
  }

  function show(node, given) {
    const changed = !run || run.key !== given.key || !node.querySelector(".console");
    const news = changed || run.version !== given.version || !complete;
    run = given;
    if (changed) { at = -PAGE; follows = true; layOut(node); }
    if (news) fetchLines(node);
  }

  function layOut(node) {
    const search = field({ placeholder: "Find in the text, or user=bo", "aria-label": "Find in the text", value: wl.view.now.words }, (words) => { wl.view.set({ words }, true); at = words ? 0 : -PAGE; fetchLines(node); });
    const level = el("select", { "aria-label": "Lowest level", onchange: () => { wl.view.set({ level: Number(level.value) }, true); fetchLines(node); } },
      Object.entries(LEVELS).map(([name, value]) => el("option", { value }, name === "all" ? "all levels" : `${name} and above`)));
    level.value = String(wl.view.now.level);
    const go = (where) => { at = where; follows = where < 0; fetchLines(node); };
    node.replaceChildren(el("div", { class: "row bar" }, search, level, button("Start", () => go(0)), button("Earlier", () => go(Math.max(0, first - PAGE))), button("Later", () => go(next)), button("End", () => go(-PAGE)), el("span", { class: "quiet", id: "text-place" })),
      el("div", { class: "console", tabindex: 0, role: "log", "aria-label": "Text of the run" }));
  }

  let complete = false;
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
    complete = told.complete !== false && !told.error;
    const none = told.error || (complete ? "No text here." : "Reading …");
    const lines = told.lines.map((one) => kept.node(one.number, JSON.stringify([run.key, one]), () => line(one)));
    arrange(box, lines.length ? lines : [kept.node("none", none, () => empty(none))]);
    kept.done();
    node.querySelector("#text-place").textContent = told.lines.length ? `lines ${first + 1} to ${told.lines[told.lines.length - 1].number + 1} of ${told.total}` : "";
    if (follows && (bottom || box.dataset.key !== String(run.key))) box.scrollTop = box.scrollHeight;
    box.dataset.key = String(run.key);
  }

  function line(told) {
    const { rank } = told;
    const label = told.level ? cut(told.level, 12) : "";
    return el("div", { class: `line ${rank >= 40 ? "bad" : rank >= 30 ? "warned" : ""}` },
      button(`${told.step}`, () => jump(told), { class: "step", title: `step ${told.step}, ${moment(told.time)}: show it in the charts` }),
      el("span", { class: "level" }, label), el("span", { class: "said" }, told.logger ? quiet(`${cut(told.logger, 40)} `) : null, ansi(told.text)));
  }

  // To the charts, at the step of a line.
  function jump(told) {
    const [low, high] = run.axis || [0, told.step];
    const room = Math.max(5, (high - low) * 0.05);
    wl.view.set({ tab: "charts", x: "_step", zoom: [told.step - room, told.step + room] });
  }

  return { show };
})();
