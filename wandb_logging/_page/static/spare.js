// uPlot makes formatters of numbers and times as it is loaded: 15 ms until the first chart, for what the page does by
// itself. So it gets stand-ins for them, and `plot.js`, which comes behind it, gives the browser's own back.
"use strict";

wl.intl = Intl;
globalThis.Intl = {
  NumberFormat: class { format(value) { return String(value); } },
  DateTimeFormat: class { resolvedOptions() { return {}; } },
};
