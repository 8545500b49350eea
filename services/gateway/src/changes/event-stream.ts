import type { ChangeFrames } from "@counterfoil/processing/changes/channel";

/** Server-Sent Events (HTML Living Standard, 9.2), as `/v1/changes` writes them. */
export const EVENT_STREAM = "text/event-stream";

const encoder = new TextEncoder();

const event = (name: string, data: string, id: string | null): string =>
  `${id === null ? "" : `id: ${id}\n`}event: ${name}\ndata: ${data}\n\n`;

export const eventFrames: ChangeFrames = {
  change: (id, { topic, model, id: record, position, value }) => {
    const at = String(position);
    // JSON has no line breaks: each stands escaped in a text.
    if (value !== null)
      return event(topic, topic === "anomalies" ? withPosition(value, at) : value, id);
    const gone = { id: record, position: at, gone: true };
    return event(topic, JSON.stringify(topic === "anomalies" ? { ...gone, model } : gone), id);
  },
  reset: (id, { model, position, generation, version }) =>
    event(
      "reset",
      JSON.stringify({ model, position: String(position), generation, model_version: version }),
      id,
    ),
  state: (model, { state, position }) =>
    event("state", JSON.stringify({ model, state, position: String(position) }), null),
  // An id without data is remembered by whoever reads, and is no event; libraries hand over comments.
  place: (id) => `: at ${id}\nid: ${id}\n\n`,
  bytes: (text) => encoder.encode(text),
};

/** The other records have one of their own. */
const withPosition = (json: string, position: string): string =>
  `${json.slice(0, -1)},"position":"${position}"}`;
