/** One event of a text/event-stream. */
export type ServerEvent = Readonly<{ id: string | null; event: string; data: string }>;

/** The events of a text/event-stream as they come; comments, which keep it open, are none. */
export async function* eventsIn(text: ReadableStream<string>): AsyncGenerator<ServerEvent> {
  const reader = text.getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = eventOf(block);
      if (event !== null) yield event;
    }
  }
}

function eventOf(block: string): ServerEvent | null {
  const fields = block.split("\n").map((line) => /^(\w+): ?(.*)$/.exec(line));
  const valuesOf = (name: string) =>
    fields.filter((field) => field?.[1] === name).map((field) => field?.[2] ?? "");
  const data = valuesOf("data");
  if (data.length === 0) return null;
  const id = valuesOf("id").at(-1) ?? null;
  return { id, event: valuesOf("event").at(-1) ?? "message", data: data.join("\n") };
}
