// What the page is told: by its server, or, in an exported file, by the file itself.
"use strict";

wl.api = (() => {
  const { emit } = wl.base;
  const told = document.getElementById("told");
  const file = told ? JSON.parse(told.textContent) : null;
  const NOBODY = "no connection to the server";
  const ANOTHER = "another server is here now: open the address that it printed";
  const FULL = "not live: too many pages are open";
  const RETRY = 3000;  // milliseconds between two questions whether the server answers again
  const SILENCE = 45000;  // milliseconds without a word of the server, which says one every 15 seconds
  let cut = "";  // why the server does not answer
  let deaf = "";  // why it sends no news
  let said = "";
  let timer = null;
  let source = null;
  let heard = 0;

  async function get(path, query) {
    const params = new URLSearchParams(Object.entries(query || {}).filter(([, value]) => value !== null && value !== undefined));
    let answer;
    try {
      answer = await fetch(`${path}?${params}`, { credentials: "same-origin" });
    } catch (error) {
      tell(NOBODY, deaf);
      throw error;
    }
    tell(answer.status === 401 ? ANOTHER : "", deaf);
    if (!answer.ok) throw new Error((await answer.text()).trim() || `status ${answer.status}`);
    return answer;
  }

  // Say how it is with the connection. While there is none the server is asked now and then: nobody else tells when a
  // network is back, or a server that takes no more pages has room again.
  function tell(nowCut, nowDeaf) {
    [cut, deaf] = [nowCut, nowDeaf];
    const words = cut || deaf;
    if (words && timer === null) timer = setTimeout(probe, RETRY);
    if (words === said) return;
    said = words;
    emit("connection", words);
  }

  async function probe() {
    await get("/api/runs", { r: "0" }).catch(() => {});  // which is no run
    if (!cut && source.readyState === EventSource.CLOSED) {
      tell(cut, FULL);
      connect();
    }
    timer = null;
    tell(cut, deaf);
  }

  // 1,2,3,7 as "1-3,7".
  function ranges(numbers) {
    const sorted = [...numbers].sort((a, b) => a - b);
    const parts = [];
    for (let at = 0; at < sorted.length; at++) {
      const first = sorted[at];
      while (sorted[at + 1] === sorted[at] + 1) at++;
      parts.push(first === sorted[at] ? `${first}` : `${first}-${sorted[at]}`);
    }
    return parts.join(",");
  }

  async function runs(keys) {
    if (file) return file.runs;
    return (await get("/api/runs", keys ? { r: ranges(keys) } : {})).json();
  }

  // Bins: { complete, grids: metric -> { width, first, size }, of: metric -> run -> { start, low, mean, high, exact } }.
  async function bins({ axis, metrics, keys, only, most, zoom }) {
    if (file) return fileBins(axis, metrics, keys);
    const query = { x: axis, m: metrics.join(","), r: ranges(keys), n: most };
    if (only) query.only = ranges(only);
    if (zoom) [query.lo, query.hi] = zoom;
    return decode(await (await get("/api/bins", query)).arrayBuffer());
  }

  function decode(buffer) {
    const size = new DataView(buffer).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
    const bytes = new Uint8Array(buffer, 4 + size);
    const rough = floats(bytes, head.floats);
    const steps = bytes.subarray(3 * head.floats);
    const of = new Map();
    let [at, step] = [0, 0];
    for (const [run, metric, start, length, exact, low, high] of head.series) {
      const count = exact ? 3 * length : length;
      const values = low === null ? rough.subarray(at, at += count) : fine(steps, step, step += count, low, high);
      const part = (place) => (exact ? values.subarray(place * length, (place + 1) * length) : values);
      if (!of.has(metric)) of.set(metric, new Map());
      of.get(metric).set(run, { start, low: part(0), mean: part(1), high: part(2), exact: Boolean(exact) });
    }
    const grids = new Map(Object.entries(head.grids).map(([metric, [width, first, count]]) => [Number(metric), { width, first, size: count }]));
    return { complete: head.complete, of, grids, read: head.read };
  }

  // What there is of one metric, on its grid.
  const ofMetric = (data, metric) => ({ width: 1, first: 0, size: 0, ...data.grids.get(metric), complete: data.complete, of: data.of.get(metric) || new Map() });

  // Float32 values from their three upper bytes, which come one after the other: see `_page.wire`.
  function floats(bytes, count) {
    const whole = new Uint32Array(count);
    for (let at = 0; at < count; at++)
      whole[at] = (bytes[at] << 24) | (bytes[count + at] << 16) | (bytes[2 * count + at] << 8);
    return new Float32Array(whole.buffer);
  }

  // Values from the lowest to the highest of a line, as steps of two bytes.
  function fine(bytes, from, to, low, high) {
    const half = bytes.length / 2;
    const most = Math.max(Math.abs(low), Math.abs(high));
    const wide = Number.isFinite(high - low) ? 1 : 2;  // what is halved has a difference that is a number
    const [least, span] = [low / wide, high / wide - low / wide];
    const values = most > 1e38 || most < 1e-30 || high - low < most / 256 ? new Float64Array(to - from) : new Float32Array(to - from);
    for (let at = from; at < to; at++) {
      const step = (bytes[at] << 8) | bytes[half + at];
      values[at - from] = step === 65535 ? NaN : step === 65534 ? high : wide * (least + (step / 65534) * span);
    }
    return values;
  }

  function fileBins(axis, metrics, keys) {
    const name = file.bins[axis] ? axis : "_step";
    const kept = file.bins[name];
    const all = kept.decoded || (kept.decoded = decode(bytesOf(kept.data)));
    const wanted = new Set(keys);
    const of = new Map();
    for (const metric of metrics) {
      const found = all.of.get(metric);
      if (found) of.set(metric, new Map([...found].filter(([key]) => wanted.has(key))));
    }
    return { ...all, of, complete: true };
  }

  function bytesOf(text) {
    const raw = atob(text);
    const bytes = new Uint8Array(raw.length);
    for (let at = 0; at < raw.length; at++) bytes[at] = raw.charCodeAt(at);
    return bytes.buffer;
  }

  async function near(query) {
    return file ? { row: {} } : (await get("/api/near", query)).json();
  }

  async function run(key) {
    return file ? file.details[key] || { complete: true } : (await get("/api/run", { run: key })).json();
  }

  async function text(key, query) {
    if (!file) return (await get("/api/text", { run: key, ...query })).json();
    const lines = (file.text[key] || []).filter((line) => !query.q || line.text.toLowerCase().includes(query.q.toLowerCase()));
    return { lines: lines.filter((line) => line.rank >= query.level), next: 0, total: lines.length, complete: true };
  }

  const address = (key, name, save) => (file ? (file.media[key] || {})[name] || "" : `/api/file?${new URLSearchParams({ run: key, name, ...(save ? { save: "1" } : {}) })}`);

  function listen() {
    if (file) return;
    connect();
    // A connection that was cut while the machine slept, or on its way through others, may look open for ever.
    setInterval(listenAgain, SILENCE / 3);
    document.addEventListener("visibilitychange", listenAgain);
  }

  function connect() {
    if (source) source.close();
    source = new EventSource("/api/live");
    const hear = () => { heard = Date.now(); };
    hear();
    source.onopen = () => { hear(); tell("", ""); };
    source.onmessage = (message) => { hear(); emit("news", JSON.parse(message.data)); };
    source.addEventListener("beat", hear);
    source.onerror = () => { tell(cut, deaf === FULL && source.readyState === EventSource.CLOSED ? FULL : NOBODY); };
  }

  function listenAgain() {
    if (Date.now() - heard < SILENCE || document.hidden) return;
    tell(cut, NOBODY);
    connect();
  }

  return { file: Boolean(file), about: file ? file.about : null, runs, bins, ofMetric, near, run, text, address, listen, ranges };
})();
