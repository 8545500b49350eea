import type { components } from "@counterfoil/client";
import { ProblemError } from "@counterfoil/client";
import { computed, signal } from "@preact/signals";
import { api, authorization, locked, watch } from "./session.ts";

export type Status = components["schemas"]["Status"];

/** A record that changed; without an id anything of the model may have. */
export type Change = Readonly<{ model: string; id: string | null }>;

/** How the ledger is doing, as last heard; null before the first answer. */
export const status = signal<Status | null>(null);
/** Why nothing new is heard; null while all is well. */
export const silence = signal<string | null>(null);
/** Whether changes are told as they happen, instead of asked for. */
export const isStreaming = signal(false);

export const head = computed(() => status.value?.head ?? null);

const listeners = new Set<(change: Change) => void>();

/** Calls back at each change. @returns what ends it */
export function onChange(listener: (change: Change) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const tell = (change: Change): void => {
  for (const listener of listeners) listener(change);
};

const ASK_EVERY_MS = 2_000;
const RETRY_MS = 5_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Follows the ledger as long as the page is open: its status, and what changes in the models. */
export function follow(): void {
  void followStatus();
  void followChanges();
}

async function followStatus(): Promise<never> {
  for (;;) {
    if (locked.value === null && !document.hidden) await refreshStatus();
    await pause(ASK_EVERY_MS);
  }
}

/** Asks how the ledger is doing, and tells of every model that moved since. */
export async function refreshStatus(): Promise<void> {
  try {
    const { data } = await api.value.getStatus();
    const before = new Map(status.value?.projections.map(({ name, position }) => [name, position]));
    status.value = data;
    silence.value = null;
    if (isStreaming.value) return;
    for (const { name, position } of data.projections) {
      if (before.size > 0 && before.get(name) !== position) tell({ model: name, id: null });
    }
  } catch (error) {
    if (error instanceof ProblemError && error.status === 401) return;
    silence.value = error instanceof ProblemError ? error.message : "The service does not answer.";
  }
}

/** Reads `/v1/changes` where the service has it, and comes back to it when it ends. */
async function followChanges(): Promise<void> {
  let after: string | null = null;
  for (;;) {
    if (locked.value === null && status.value !== null && !document.hidden) {
      after ??= status.value.head;
      const outcome = await readChanges(after, (id) => {
        after = id;
      });
      isStreaming.value = false;
      if (outcome === "missing") return;
    }
    await pause(RETRY_MS);
  }
}

async function readChanges(
  after: string,
  reached: (id: string) => void,
): Promise<"missing" | "ended"> {
  try {
    const headers = { ...authorization(), accept: "text/event-stream", "last-event-id": after };
    const response = await watch("/v1/changes", { headers, cache: "no-store" });
    if (response.status === 404 || response.status === 405) return "missing";
    if (!response.ok || response.body === null) return "ended";
    isStreaming.value = true;
    const text = response.body.pipeThrough(new TextDecoderStream());
    for await (const { id, event, data } of eventsIn(text)) {
      if (id !== null) reached(id);
      tell({ model: event, id: recordIn(data) });
    }
  } catch {
    // Cut off: the next attempt goes on behind the last one heard.
  }
  return "ended";
}

type ServerEvent = Readonly<{ id: string | null; event: string; data: string }>;

/** The events of a text/event-stream. */
export async function* eventsIn(text: ReadableStream<string>): AsyncGenerator<ServerEvent> {
  const reader = text.getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value.replaceAll("\r\n", "\n")).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = eventOf(block);
      if (event !== null) yield event;
    }
  }
}

function eventOf(block: string): ServerEvent | null {
  const fields = block
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith(":"))
    .map((line) => /^(\w+): ?(.*)$/.exec(line));
  const named = (name: string) => fields.filter((field) => field?.[1] === name);
  const data = named("data").map((field) => field?.[2] ?? "");
  if (data.length === 0) return null;
  return {
    id: named("id")[0]?.[2] ?? null,
    event: named("event")[0]?.[2] ?? "message",
    data: data.join("\n"),
  };
}

function recordIn(data: string): string | null {
  try {
    const { id } = Object(JSON.parse(data)) as { id?: unknown };
    return typeof id === "string" ? id : null;
  } catch {
    return null;
  }
}
