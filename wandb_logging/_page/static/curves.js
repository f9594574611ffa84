// Numbers to draw, without drawing: smoothing, groups, what range an axis has. Nothing in here touches the page.
"use strict";

wl.curves = (() => {
  // An exponential moving average that does not begin at zero; gaps stay gaps.
  function smooth(values, weight) {
    if (!weight) return values;
    const out = new Array(values.length).fill(null);
    let last = 0;
    let seen = 0;
    for (let at = 0; at < values.length; at++) {
      const value = values[at];
      if (value === null) continue;
      last = last * weight + (1 - weight) * value;
      seen++;
      out[at] = last / (1 - weight ** seen);
    }
    return out;
  }

  const FAR = Number.MAX_VALUE / 2;  // as far as an axis goes: its length has to be a number

  const proper = (value, log) => Number.isFinite(value) && (!log || value > 0);

  // One line on the grid: mean, lowest and highest of the runs in it.
  function line(of, runs, size, log) {
    const found = runs.map((key) => of.get(key)).filter(Boolean);
    if (!found.length) return { any: false };
    const mean = new Array(size).fill(null);
    const low = new Array(size).fill(null);
    const high = new Array(size).fill(null);
    const counts = found.length > 1 ? new Uint16Array(size) : null;
    for (const part of found)
      for (let at = 0; at < part.mean.length; at++) {
        const place = part.start + at;
        const value = part.mean[at];
        if (place < 0 || place >= size || !proper(value, log)) continue;
        const least = proper(part.low[at], log) ? part.low[at] : value;
        if (mean[place] === null) {
          mean[place] = value; low[place] = least; high[place] = part.high[at];
        } else {
          mean[place] += value;
          low[place] = Math.min(low[place], least);
          high[place] = Math.max(high[place], part.high[at]);
        }
        if (counts) counts[place]++;
      }
    if (counts) for (let at = 0; at < size; at++) if (counts[at] > 1) mean[at] /= counts[at];
    return { mean, low, high, exact: found.every((part) => part.exact), any: true };
  }

  function xs(data, axis) {
    const middle = axis === "_step" ? (data.width - 1) / 2 : data.width / 2;
    return Array.from({ length: data.size }, (_, at) => (data.first + at) * data.width + middle);
  }

  function percentile(sorted, part) {
    return sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(part * (sorted.length - 1))))];
  }

  // The range of the y axis: all there is, or without outliers what lies between the 2nd and the 98th of a hundred.
  function range(drawn, log, clip) {
    let least = Infinity;
    let most = -Infinity;
    if (clip) {
      const all = drawn.flatMap((one) => one.shown.filter((value) => value !== null)).sort((a, b) => a - b);
      if (all.length) { least = percentile(all, 0.02); most = percentile(all, 0.98); }
    } else
      for (const one of drawn)
        for (let at = 0; at < one.low.length; at++) {
          if (one.low[at] === null) continue;
          if (one.low[at] < least) least = one.low[at];
          if (one.high[at] > most) most = one.high[at];
        }
    if (least > most) return log ? [0.1, 1] : [0, 1];
    const size = Math.max(Math.abs(least), Math.abs(most));
    const same = most / 2 - least / 2 <= size * 1e-14;  // but for what smoothing adds: no axis can tell them apart
    if (log) {
      const room = (most / least) ** 0.04;
      return same || room < 1 + 1e-9 ? [least / 2, most * 2] : [least / room, most * room];
    }
    const room = same ? size * 0.1 || 1 : most * 0.06 - least * 0.06;
    return [Math.max(-FAR, least - room), Math.min(FAR, most + room)];
  }

  // Round values from one to another: about so many, or on a log axis powers of ten, with 2 and 5 where those are few.
  function ticks(low, high, log, count = 5) {
    const decades = log ? Math.log10(high) - Math.log10(low) : 0;
    if (decades > 0.7) {
      const step = Math.ceil(decades / 6);
      const digits = decades > 2 ? [1] : [1, 2, 5];
      const powers = Array.from({ length: Math.ceil(decades / step) + 2 }, (_, at) => (Math.floor(Math.log10(low) / step) + at) * step);
      return powers.flatMap((power) => digits.map((digit) => Number(`${digit}e${power}`))).filter((tick) => tick >= low && tick <= high);
    }
    const rough = (high - low) / count;
    if (!(rough > 0) || !Number.isFinite(rough)) return [low];
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((part) => part * power).find((size) => size >= rough) || rough;
    const first = Math.ceil(low / step);
    const found = Array.from({ length: count + 2 }, (_, at) => Number(((first + at) * step).toPrecision(15)));
    return [...new Set(found)].filter((tick) => tick >= low && tick <= high);
  }

  // Places where what a bin holds is far more apart than usual: a spike, of one point perhaps.
  function spikes(one) {
    const widths = [];
    for (let at = 0; at < one.low.length; at++) if (one.low[at] !== null) widths.push(one.high[at] - one.low[at]);
    if (!widths.length) return [];
    const usual = Float64Array.from(widths).sort()[Math.floor(widths.length / 2)];
    const found = [];
    for (let at = 0; at < one.low.length; at++)
      if (one.low[at] !== null && one.high[at] - one.low[at] > 4 * usual && one.high[at] > one.low[at]) found.push(at);
    return found.length < one.low.length / 5 ? found : [];
  }

  return { FAR, smooth, line, xs, range, ticks, spikes };
})();
