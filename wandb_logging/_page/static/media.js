// Media of a run: pictures, sound, films, tables, HTML in a frame that can do nothing, histograms, and what else there is.
"use strict";

wl.media = (() => {
  const { el, svg, cut, number, brief, loose, arrange, keeper } = wl.base;
  const ROWS = 200;
  const kept = keeper();
  const chosen = new Map();  // the value that somebody went back to, by run and name

  function show(node, run, details) {
    const names = Object.keys(details.media).sort();
    const head = kept.node("head", "", () => el("h2", {}, "media"));
    const grid = kept.node("grid", "", () => el("div", { class: "grid media-grid" }));
    arrange(grid, names.map((name) => kept.node(`of ${name}`, JSON.stringify([run.key, details.media[name]]), () => panel(run, name, details.media[name]))));
    arrange(node, names.length ? [head, grid] : []);
    kept.done();
  }

  // One metric: its latest value, and a slider over those before.
  function panel(run, name, values) {
    const place = el("div", { class: "media-place" });
    const step = el("span", { class: "note" });
    const last = values.length - 1;
    const key = `${run.key} ${name}`;
    const put = (at) => {
      if (at < last) chosen.set(key, at);
      else chosen.delete(key);
      const [number_, value] = values[at];
      step.textContent = `step ${number_}`;
      place.replaceChildren(...shown(run, value));
    };
    const begin = Math.min(last, chosen.has(key) ? chosen.get(key) : last);
    const slider = values.length > 1 ? el("input", { type: "range", min: 0, max: last, value: begin, "aria-label": `Step of ${cut(name, 60)}`, oninput: (event) => put(Number(event.target.value)) }) : null;
    put(begin);
    return el("article", { class: "card media" }, el("header", {}, el("h3", { title: cut(name, 400) }, cut(name, 120)), step), place, slider);
  }

  function shown(run, value) {
    const type = String(value._type || "");
    if (type === "histogram" || value.values && value.bins) return [histogram(value)];
    if (type.startsWith("images/")) return (value.filenames || []).slice(0, 64).map((name, at) => picture(run, name, captionOf(value, at)));
    if (type === "image-file") return [picture(run, value.path, value.caption)];
    if (type === "audio-file") return [sound(run, value)];
    if (Array.isArray(value.audio)) return value.audio.slice(0, 32).map((one) => sound(run, one));
    if (type === "video-file") return [film(run, value)];
    if (Array.isArray(value.videos)) return value.videos.slice(0, 16).map((one) => film(run, one));
    if (type === "html-file") return [frame(run, value.path)];
    if (type === "html" && Array.isArray(value.html)) return value.html.slice(0, 8).map((one) => frame(run, one.path));
    if (type === "table-file" || type === "incremental-table-file" || type === "joined-table") return [table(run, value)];
    if (value.path) return [el("p", {}, `${type} `, link(run, value.path))];
    return [el("pre", {}, cut(JSON.stringify(value, null, 1), 4000))];
  }

  const captionOf = (value, at) => (Array.isArray(value.captions) ? value.captions[at] : value.all_masks ? "" : "");
  const note = (caption) => (caption ? el("figcaption", {}, cut(caption, 500)) : "");

  function picture(run, name, caption) {
    const address = wl.api.address(run.key, name);
    if (address === "") return absent(name);
    if (/\.svg$/i.test(name)) return el("figure", {}, frame(run, name), note(caption));
    return el("figure", {}, el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, el("img", { src: address, alt: cut(caption || name, 300), loading: "lazy" })), note(caption));
  }

  // A GIF is a picture that moves, to a browser.
  function film(run, { path, caption }) {
    if (/\.gif$/i.test(path)) return picture(run, path, caption);
    return el("figure", {}, el("video", { controls: true, src: wl.api.address(run.key, path), preload: "metadata" }), note(caption));
  }

  const sound = (run, value) => el("figure", {}, el("audio", { controls: true, src: wl.api.address(run.key, value.path), preload: "none" }), note(value.caption));

  // No scripts, no forms, no way out: what is in it is only looked at.
  const frame = (run, name) => el("iframe", { sandbox: "", src: wl.api.address(run.key, name), title: cut(name, 200), loading: "lazy", referrerpolicy: "no-referrer" });
  const ABSENT = "not in this file";  // of an exported page, which holds no more than it has room for
  const absent = (name) => el("span", {}, cut(name, 200), el("span", { class: "quiet" }, ` ${ABSENT}`));
  const link = (run, name) => wl.api.address(run.key, name, true) === "" ? absent(name) : el("a", { href: wl.api.address(run.key, name, true), download: "" }, cut(name, 200));

  function histogram({ values, bins }) {
    const most = Math.max(...values, 1e-9);
    const [wide, high] = [320, 120];
    const bars = values.slice(0, 512).map((value, at) => svg("rect", { x: (at * wide) / values.length, width: Math.max(0.5, wide / values.length - 1), y: high - (value / most) * high, height: (value / most) * high }));
    const words = `from ${number(bins[0])} to ${number(bins[bins.length - 1])}, most ${number(most)}`;
    return el("figure", {}, svg("svg", { viewBox: `0 0 ${wide} ${high}`, class: "histogram", role: "img", "aria-label": `Histogram ${words}` }, ...bars), el("figcaption", {}, words));
  }

  function table(run, value) {
    if (wl.api.address(run.key, value.path) === "") return absent(value.path);
    const place = el("div", { class: "scroll small", tabindex: 0 }, "Loading …");
    fetch(wl.api.address(run.key, value.path)).then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error("The file is gone.")))).then((text) => {
      const told = loose(text);
      const rows = (told.data || []).slice(0, ROWS);
      place.replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, (told.columns || []).map((name) => el("th", { scope: "col" }, cut(name, 60))))),
        el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", { class: typeof cell === "number" ? "number" : "" }, brief(cell, 120))))))));
      if ((value.nrows || 0) > rows.length) place.append(el("p", { class: "quiet" }, `the ${"increment_num" in value ? "new" : "first"} ${rows.length} of ${value.nrows} rows`));
    }).catch((error) => place.replaceChildren(cut(error.message, 200)));
    return el("div", {}, place, link(run, value.path));
  }

  return { show, link };
})();
