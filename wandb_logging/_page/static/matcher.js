// A worker: which names a pattern matches. Of its own, so that a pattern that would take for ever can be ended.
"use strict";

onmessage = ({ data }) => {
  try {
    const pattern = new RegExp(data.pattern, "im"); // each line is a name of its own
    postMessage({ id: data.id, found: data.names.map((name) => pattern.test(name)) });
  } catch (error) {
    postMessage({ id: data.id, error: String(error.message || error) });
  }
};
