// One chart: lines by uPlot, what is behind them by ourselves, and what the cursor is on.
"use strict";

globalThis.Intl = wl.intl;

wl.plot = (() => {
  const { el, svg, number, duration, moment, emit, quiet } = wl.base;
  const MANY = 40;  // lines; more are drawn thin, and not all anew to have one of them stand out
  const POINTS = 12;  // lines that have a point each at the cursor; of more only the nearest: each is an element
  // Seconds from one tick to the next: parts of seconds, minutes and hours, days, months and years as uPlot counts them.
  // Its own go from one minute to five: in a small chart of seven minutes that is one tick.
  const DAY = 86400;
  const TIMES = [
    ...[0.001, 0.01, 0.1].flatMap((part) => [part, 2 * part, 5 * part]),
    ...[1, 60].flatMap((part) => [1, 2, 5, 10, 15, 30].map((count) => count * part)),
    ...[1, 2, 3, 6, 12].map((hours) => hours * 3600),
    ...[1, 2, 4, 7, 14].map((days) => days * DAY),
    ...[1, 2, 3, 6].map((months) => months * 28 * DAY),
    ...[1, 2, 5, 10, 25, 50, 100].map((years) => years * 365 * DAY),
  ];
  const SYNC = uPlot.sync("x");
  const known = new Map();  // what the style says, until the system's colours change
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => known.clear());
  function css(name) {
    if (!known.has(name)) known.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
    return known.get(name);
  }
  let tip = null;
  let asked = 0;

  const xText = (axis, x) => (axis === "_timestamp" ? moment(x) : axis === "_runtime" ? duration(x) : number(axis === "_step" ? Math.round(x) : x));

  // The lines of a chart, ready to be drawn: from its bins and how it is looked at.
  function prepare({ data, log, axis }) {
    const { clip, smooth } = wl.view.now;
    const drawn = wl.runs.lines()
      .map((line) => ({ ...line, ...wl.curves.line(data.of, line.runs, data.size, log) }))
      .filter((one) => one.any);
    for (const one of drawn) one.shown = wl.curves.smooth(one.mean, smooth);
    return { drawn, xs: wl.curves.xs(data, axis), range: wl.curves.range(drawn, log, clip) };
  }

  function axes(axis, small, log) {
    // Our own ticks: uPlot's know no numbers beyond 1e16 and below 1e-16.
    const own = (space, log) => ({
      incrs: (u, at, low, high) => [Math.max(5, high - low)],
      splits: (u, at, low, high) => wl.curves.ticks(low, high, log, Math.max(2, Math.floor((at ? u.height : u.width) / space))),
    });
    const common = { stroke: () => css("--quiet"), grid: { stroke: () => css("--grid"), width: 1 }, ticks: { show: false }, font: `11px ${css("--font")}` };
    const x = { ...common, size: 26, gap: 4, space: small && axis !== "_timestamp" ? 46 : 70, grid: { show: false } };
    if (axis === "_runtime") x.values = (_, ticks) => ticks.map(duration);
    else if (axis === "_timestamp") Object.assign(x, { incrs: TIMES, values: (_, ticks, at, space, gap) => times(ticks, gap) });
    else Object.assign(x, own(50, false), { values: (_, ticks) => labels(ticks) });
    const y = { ...common, ...own(36, log), size: widest, gap: 4, values: (u, ticks) => labels(ticks) };
    return [x, y];
  }

  // Ticks with as many digits as tell each from the next.
  function labels(ticks) {
    const some = ticks.filter((tick) => tick !== null);
    const gap = some.reduce((least, tick, at) => (at ? Math.min(least, Math.abs(tick - some[at - 1])) : least), Infinity);
    const most = Math.max(...some.map(Math.abs));
    const digits = Number.isFinite(gap) && gap > 0 ? Math.min(12, Math.max(1, Math.floor(Math.log10(most)) - Math.floor(Math.log10(gap)) + 1)) : 6;
    return ticks.map((tick) => (tick === null ? "" : short(tick, Math.max(4, digits))));
  }

  // Times as far as they differ, and where a day begins its date. On one line: an axis has no room for two.
  function times(ticks, gap) {
    return ticks.map((tick) => {
      const text = moment(tick);
      if (gap >= 28 * 86400) return text.slice(0, 7);
      if (gap >= 86400 || text.endsWith("00:00:00")) return text.slice(5, 10);
      if (gap >= 1) return text.slice(11, gap >= 60 ? 16 : 19);
      return `${text.slice(17, 19)}.${String(Math.round((tick % 1) * 1000)).padStart(3, "0")}`;
    });
  }

  function short(value, digits = 6) {
    const size = Math.abs(value);
    if (size >= 1e9 || (size > 0 && size < 1e-3)) return wl.base.exponential(value, digits - 1);
    if (size >= 1e6) return `${Number((value / 1e6).toPrecision(digits))}M`;
    if (size >= 1e4) return `${Number((value / 1e3).toPrecision(digits))}k`;
    return String(Number(value.toPrecision(digits)));
  }

  function widest(u, values) {
    const longest = (values || []).reduce((most, text) => Math.max(most, (text || "").length), 0);
    return Math.max(34, 14 + longest * 6.4);
  }

  function create(node, card) {
    const view = wl.view.now;
    const log = card.drawnLog = card.log;
    card.drawnAxis = card.axis;
    const ready = card.ready = prepare(card);
    const many = ready.drawn.length > MANY;
    const series = ready.drawn.map((one) => ({
      label: one.name, stroke: one.colour, width: many ? 1 : 1.5, dash: one.stroke, spanGaps: true,
      alpha: alphaOf(one),
      points: { size: 5, fill: one.colour, show: (u, at) => isShort(u.data[at]) },
    }));
    const size = sizeOf(node);
    const options = {
      ...size, ms: 1e-3, legend: { show: false }, padding: [8, 16, 0, 0],
      scales: {
        x: { time: card.axis === "_timestamp", range: (u, low, high) => (view.zoom && card.zooms ? view.zoom : low === high || u.data[0].length === 1 ? [low - 1, low + 1] : [low, high]) },
        y: { distr: log ? 3 : 1, range: () => card.ready.range },
      },
      axes: axes(card.axis, size.width < 420, log),
      series: [{}, ...series],
      focus: { alpha: many ? 1 : 0.25 },
      cursor: {
        sync: { key: SYNC.key, setSeries: false }, focus: { prox: 30 }, points: { size: 6, one: ready.drawn.length > POINTS },
        drag: { x: true, y: false, setScale: false }, bind: { dblclick: () => () => { emit("zoom", null); } },
      },
      hooks: {
        drawAxes: [(u) => behind(u, card)],
        setSelect: [(u) => select(u)],
        setSeries: [(u, at, given) => { if (given && "focus" in given) focus(card, u, at); }],
        setCursor: [(u) => hover(card, u)],
        draw: [(u) => { if (many) raise(u, card, card.raised); }],
      },
    };
    const plot = new uPlot(options, [ready.xs, ...ready.drawn.map((one) => one.shown)], node);
    plot.over.addEventListener("mouseleave", hideTip);
    return plot;
  }

  const alphaOf = (one) => (one.exact ? 1 : 0.75);

  // Whether there are fewer than three values.
  function isShort(values) {
    let count = 0;
    return !values.some((value) => value !== null && ++count === 3);
  }

  const sizeOf = (node) => ({ width: Math.max(120, node.clientWidth), height: Math.max(120, node.clientHeight) });

  // Draw again with other data: the same lines stay the same plot.
  function refresh(plot, node, card) {
    const ready = prepare(card);
    const key = (some) => some.drawn.map((one) => `${one.id} ${one.name}`).join("\n");
    if (key(ready) !== key(card.ready) || card.drawnLog !== card.log || card.drawnAxis !== card.axis) {
      plot.destroy();
      return create(node, card);
    }
    card.ready = ready;
    ready.drawn.forEach((one, at) => { plot.series[at + 1].alpha = alphaOf(one); });
    plot.setData([ready.xs, ...ready.drawn.map((one) => one.shown)]);
    return plot;
  }

  // What is behind the lines: from the lowest to the highest value of each bin, spikes, and what was smoothed.
  function behind(u, card) {
    const { drawn, xs } = card.ready;
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const smooth = wl.view.now.smooth;
    const at = xs.map((x) => u.valToPos(x, "x", true));
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    const y = (value) => u.valToPos(value, "y", true);
    for (const one of drawn) {
      ctx.fillStyle = ctx.strokeStyle = one.colour;
      if (drawn.length <= 60 && one.low.some((low, place) => low !== null && low < one.high[place])) {
        ctx.globalAlpha = smooth ? 0.08 : drawn.length > 3 ? 0.09 : 0.2;
        band(ctx, one, at, y);
      }
      if (smooth && drawn.length <= 60) {
        ctx.globalAlpha = drawn.length > 12 ? 0.15 : 0.3;
        ctx.lineWidth = 1;
        trace(ctx, one.mean, at, y);
      }
      ctx.globalAlpha = 0.9;
      ctx.lineWidth = Math.max(1, devicePixelRatio);
      for (const place of (one.spikes ||= wl.curves.spikes(one))) {
        ctx.beginPath();
        ctx.moveTo(at[place], y(one.low[place]));
        ctx.lineTo(at[place], y(one.high[place]));
        ctx.stroke();
      }
    }
    ctx.restore();
  }

  function band(ctx, one, at, y) {
    const places = [];
    for (let place = 0; place < at.length; place++) if (one.low[place] !== null) places.push(place);
    ctx.beginPath();
    places.forEach((place, count) => (count ? ctx.lineTo(at[place], y(one.high[place])) : ctx.moveTo(at[place], y(one.high[place]))));
    for (let count = places.length - 1; count >= 0; count--) ctx.lineTo(at[places[count]], y(one.low[places[count]]));
    ctx.closePath();
    ctx.fill();
  }

  function trace(ctx, values, at, y) {
    ctx.beginPath();
    let begun = false;
    for (let place = 0; place < at.length; place++) {
      if (values[place] === null) continue;
      if (begun) ctx.lineTo(at[place], y(values[place]));
      else ctx.moveTo(at[place], y(values[place]));
      begun = true;
    }
    ctx.stroke();
  }

  function select(u) {
    const { left, width } = u.select;
    if (width < 8) { u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false); return; }
    const zoom = [u.posToVal(left, "x"), u.posToVal(left + width, "x")];
    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    emit("zoom", zoom);
  }

  function focus(card, u, at) {
    const one = at ? card.ready.drawn[at - 1] : null;
    card.focused = one;
    if (card.ready.drawn.length > MANY) raise(u, card, one && one.id);
    emit("highlight", one ? one.runs : null);
  }

  // Beside the cursor: the line it is on first, then those that are near. Then the point that was logged.
  function hover(card, u) {
    if (!u.over.matches(":hover")) return;
    const { idx, left, top } = u.cursor;
    if (idx === null || idx === undefined || left < 0) { hideTip(); return; }
    const here = u.posToVal(top, "y");
    const lines = card.ready.drawn
      .map((one) => ({ one, place: nearestPlace(one, idx) }))
      .filter(({ place }) => place !== null)
      .sort((a, b) => Math.abs(a.one.shown[a.place] - here) - Math.abs(b.one.shown[b.place] - here));
    const first = card.focused && lines.findIndex(({ one }) => one === card.focused);
    if (first > 0) lines.unshift(...lines.splice(first, 1));
    showTip(card, u, lines, idx);
    logged(card, u, lines[0], ++asked);
  }

  function nearestPlace(one, idx) {
    for (let off = 0; off < 40; off++)
      for (const place of [idx - off, idx + off])
        if (one.mean[place] !== null && one.mean[place] !== undefined) return place;
    return null;
  }

  function showTip(card, u, lines, idx) {
    tip = tip || document.body.appendChild(el("div", { class: "tip", "aria-hidden": "true" }));
    const rows = lines.slice(0, 8).map(({ one, place }, at) => el("div", { class: at ? "tip-row" : "tip-row first" },
      wl.sidebar.swatch(one), el("span", { class: "tip-name" }, wl.base.cut(one.name, 40)), el("b", {}, number(one.mean[place])),
      one.high[place] > one.low[place] && at === 0 ? quiet(`${number(one.low[place])} to ${number(one.high[place])}`) : null));
    const head = `${wl.charts.axisName(card.axis)} ${xText(card.axis, card.ready.xs[idx])}`;
    const more = lines.length > 8 ? el("div", { class: "quiet" }, `and ${lines.length - 8} more`) : null;
    const sampled = lines.length && !lines[0].one.exact ? el("div", { class: "quiet" }, "sampled, still reading") : null;
    tip.replaceChildren(el("div", { class: "quiet" }, head), ...rows, ...[more, sampled].filter(Boolean));
    tip.hidden = false;
    place(u);
  }

  function place(u) {
    const box = u.over.getBoundingClientRect();
    const x = box.left + u.cursor.left;
    const wide = tip.offsetWidth;
    tip.style.left = `${Math.max(4, x + 16 + wide > innerWidth ? x - wide - 16 : x + 16)}px`;
    tip.style.top = `${Math.max(4, Math.min(innerHeight - tip.offsetHeight - 4, box.top + u.cursor.top - 20))}px`;
  }

  function logged(card, u, first, mine) {
    if (!first || first.one.runs.length !== 1 || wl.api.file) return;
    setTimeout(async () => {
      if (mine !== asked || !tip || tip.hidden) return;
      const x = card.ready.xs[first.place];
      const { row } = await wl.api.near({ run: first.one.runs[0], x: card.axis, at: x, m: card.metric }).catch(() => ({ row: {} }));
      const value = row[wl.runs.metrics[card.metric]];
      if (mine !== asked || tip.hidden || value === undefined) return;
      tip.append(el("div", { class: "tip-logged" }, `logged ${number(value)} at step ${row._step}, ${moment(row._timestamp)}`));
      place(u);
    }, 90);
  }

  addEventListener("scroll", () => hideTip(), { passive: true });
  wl.base.on("view", () => hideTip());

  function hideTip() {
    asked++;
    if (tip) tip.hidden = true;
  }

  // Draw a line once more, above the others.
  function raise(u, card, id) {
    card.raised = id;
    if (u.raised) u.raised.remove();
    const one = card.ready.drawn.find((other) => other.id === id);
    if (!one) return;
    const points = one.shown.map((value, at) => (value === null ? "" : `${u.valToPos(card.ready.xs[at], "x")},${u.valToPos(value, "y")}`)).join(" ");
    const line = (colour, width) => svg("polyline", { points, fill: "none", stroke: colour, "stroke-width": width });
    u.raised = svg("svg", { class: "raised" }, line(css("--card"), 6), line(one.colour, 2.5));
    u.over.prepend(u.raised);
  }

  // Have one run stand out in a chart.
  function highlight(plot, card, keys) {
    const at = keys ? card.ready.drawn.findIndex((one) => one.runs.some((key) => keys.includes(key))) : -1;
    if (card.ready.drawn.length > MANY) { raise(plot, card, at < 0 ? null : card.ready.drawn[at].id); return; }
    plot.setSeries(at < 0 ? null : at + 1, { focus: at >= 0 }, false);
    if (at < 0) plot.setSeries(null, { focus: true }, false);
  }

  return { create, refresh, sizeOf, prepare, highlight, xText, short, labels, isShort, hideTip };
})();
