// Charts as files: SVG made of the numbers, PNG drawn from that, CSV of what was logged.
"use strict";

wl.save = (() => {
  const { svg, button, el } = wl.base;
  const WIDE = 640;
  const HIGH = 360;
  const LONGEST = 16384; // pixels of a side of a PNG: longer ones are none, in one browser or another
  const LARGEST = 2 ** 26; // pixels of a PNG: of more some programs warn that open it

  function file(name, content, type) {
    const href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
    download(href, name.replace(/[^\w.-]+/g, "_").slice(-100));
    setTimeout(() => URL.revokeObjectURL(href), 10000);
  }

  function download(href, name) {
    const link = el("a", { href, download: name });
    document.body.append(link);
    link.click();
    link.remove();
  }

  // What XML cannot hold, and no picture shows, as a sign that there was something.
  const proper = (words) => words.replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");

  // One chart as a group of SVG elements.
  function drawing(card, at, across) {
    const view = wl.view.now;
    const { drawn, xs, range } = wl.plot.prepare(card);
    const [left, right, above, below] = [60, 16, 34, 34];
    const [x0, x1] = view.zoom || [xs[0] || 0, xs[xs.length - 1] || 1];
    const scale = card.log ? Math.log10 : (value) => Math.max(-wl.curves.FAR, Math.min(wl.curves.FAR, value));
    const x = (value) => left + ((value - x0) / (x1 - x0 || 1)) * (WIDE - left - right);
    const y = (value) => HIGH - below - ((scale(value) - scale(range[0])) / (scale(range[1]) - scale(range[0]) || 1)) * (HIGH - above - below);
    const text = (words, given) => svg("text", { "font-size": 11, fill: "#555", ...given }, proper(words));
    const group = svg("g", { transform: `translate(${(at % across) * WIDE} ${Math.floor(at / across) * HIGH})`, "font-family": "system-ui, sans-serif" });
    const clip = `clip${at}`;
    group.append(svg("clipPath", { id: clip }, svg("rect", { x: left, y: above, width: WIDE - left - right, height: HIGH - above - below })));
    group.append(text(wl.runs.metrics[card.metric], { x: left, y: 20, "font-size": 13, "font-weight": 600, fill: "#111" }));
    const marks = wl.curves.ticks(range[0], range[1], card.log);
    const words = wl.plot.labels(marks);
    for (const [mark, tick] of marks.entries()) {
      group.append(svg("line", { x1: left, x2: WIDE - right, y1: y(tick), y2: y(tick), stroke: "#e3e3e3" }));
      group.append(text(words[mark], { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }));
    }
    for (const tick of wl.curves.ticks(x0, x1, false)) group.append(text(wl.plot.xText(card.axis, tick), { x: x(tick), y: HIGH - below + 16, "text-anchor": "middle" }));
    const lines = svg("g", { "clip-path": `url(#${clip})`, fill: "none" });
    for (const one of drawn) {
      const path = (values) => values.map((value, place) => (value === null ? "" : `${x(xs[place]).toFixed(1)},${y(value).toFixed(1)}`)).filter(Boolean).join(" ");
      const spikes = wl.curves.spikes(one).map((place) => `M${x(xs[place]).toFixed(1)} ${y(one.low[place]).toFixed(1)}V${y(one.high[place]).toFixed(1)}`).join("");
      const curve = svg("polyline", { points: path(one.shown), stroke: one.colour, "stroke-width": 1.5, "stroke-dasharray": one.stroke.join(" ") });
      curve.append(svg("title", {}, proper(one.name)));
      lines.append(curve);
      if (wl.plot.isShort(one.shown)) for (const [place, value] of one.shown.entries()) if (value !== null) lines.append(svg("circle", { cx: x(xs[place]), cy: y(value), r: 2.5, fill: one.colour }));
      if (spikes) lines.append(svg("path", { d: spikes, stroke: one.colour }));
    }
    group.append(lines);
    return group;
  }

  // Width and height of a picture of so many charts, and how many of them are side by side: few are a column.
  function layout(count) {
    const across = Math.ceil(Math.sqrt(count / 3));
    return { across, width: WIDE * across, height: HIGH * Math.ceil(count / across) };
  }

  function image(cards) {
    const { across, width, height } = layout(cards.length);
    const root = svg("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, width, height });
    root.append(svg("rect", { width, height, fill: "#fff" }), ...cards.map((card, at) => drawing(card, at, across)));
    return new XMLSerializer().serializeToString(root);
  }

  function png(cards) {
    const picture = new Image();
    picture.onload = () => {
      const { width, height } = layout(cards.length);
      const scale = Math.min(2, LONGEST / Math.max(width, height), Math.sqrt(LARGEST / (width * height)));
      const canvas = el("canvas", { width: Math.floor(width * scale), height: Math.floor(height * scale) });
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => { if (blob) file(`${nameOf(cards)}.png`, blob); });
      URL.revokeObjectURL(picture.src);
    };
    picture.src = URL.createObjectURL(new Blob([image(cards)], { type: "image/svg+xml" }));
  }

  const nameOf = (cards) => (cards.length === 1 ? wl.runs.metrics[cards[0].metric] : "charts");

  function csv(cards) {
    if (wl.api.file) { file(`${nameOf(cards)}.csv`, csvOfBins(cards), "text/csv"); return; }
    const metrics = cards.map((card) => card.metric).join(",");
    download(`/api/csv?${new URLSearchParams({ m: metrics, r: wl.api.ranges(wl.runs.shown().map((run) => run.key)) })}`, "");
  }

  function csvOfBins(cards) {
    const quote = (value) => { const text = String(value); return `"${(/^[=+\-@\t\r]/.test(text) && typeof value === "string" ? "'" : "") + text.replace(/"/g, '""')}"`; };
    const lines = ["metric,run,x,lowest,mean,highest"];
    for (const card of cards) {
      const xs = wl.curves.xs(card.data, card.axis);
      for (const [key, part] of card.data.of) {
        const run = wl.runs.byKey.get(key);
        part.mean.forEach((mean, at) => {
          if (Number.isFinite(mean)) lines.push([quote(wl.runs.metrics[card.metric]), quote(run ? wl.runs.nameOf(run) : key), xs[part.start + at], part.low[at], mean, part.high[at]].join(","));
        });
      }
    }
    return `${lines.join("\r\n")}\r\n`;
  }

  const act = { CSV: csv, PNG: png, SVG: (cards) => file(`${nameOf(cards)}.svg`, image(cards), "image/svg+xml") };

  // A menu of what some charts can be saved as.
  function menu(label, cards) {
    const list = el("div", { class: "menu-list" }, Object.entries(act).map(([name, save]) => button(name, async () => {
      details.open = false;
      const found = await cards();
      if (found.length) save(found);
    })));
    const details = el("details", { class: "menu" }, el("summary", { "aria-label": `${label}: save as`, title: "Save as" }, "⤓"), list);
    return details;
  }

  return { menu, image };
})();
