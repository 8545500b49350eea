import type { components } from "@counterfoil/client";
import { ProblemError } from "@counterfoil/client";
import { computed, effect, signal } from "@preact/signals";
import { createParser, type EventSourceMessage } from "eventsource-parser";
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
  // What another key was shown is not for whoever comes next.
  effect(() => {
    if (locked.value !== null) status.value = null;
  });
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
  const asked = api.value;
  try {
    const { data } = await asked.getStatus();
    if (asked !== api.value || locked.value !== null) return;
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
    const known = await whenKnown();
    if (!document.hidden) {
      after ??= known.head;
      const outcome = await readChanges(after, (id) => {
        after = id;
      });
      isStreaming.value = false;
      if (outcome === "missing") return;
      if (outcome === "refused") after = null;
    }
    await pause(RETRY_MS);
  }
}

/** The status, once there is one for whoever asks. */
function whenKnown(): Promise<Status> {
  return new Promise((resolve) => {
    const stop = effect(() => {
      const known = locked.value === null ? status.value : null;
      if (known === null) return;
      resolve(known);
      // Not from within: it has no end yet while it is begun.
      queueMicrotask(() => stop());
    });
  });
}

/** Ends with the key that it was begun with. */
async function readChanges(
  after: string,
  reached: (id: string) => void,
): Promise<"missing" | "refused" | "ended"> {
  const leaving = new AbortController();
  const asked = api.value;
  const stop = effect(() => {
    if (api.value !== asked || locked.value !== null) leaving.abort();
  });
  try {
    const headers = { ...authorization(), accept: "text/event-stream", "last-event-id": after };
    const { signal } = leaving;
    const response = await watch("/v1/changes", { headers, cache: "no-store", signal });
    if (response.status === 404 || response.status === 405) return "missing";
    if (!response.ok || response.body === null) return "refused";
    isStreaming.value = true;
    const parser = createParser({
      onEvent: (message) => {
        if (message.id !== undefined) reached(message.id);
        tellOf(message);
      },
    });
    const text = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let read = await text.read(); !read.done; read = await text.read())
      parser.feed(read.value);
  } catch {
    // Cut off: the next attempt goes on behind the last one heard.
  } finally {
    stop();
  }
  return "ended";
}

/** An event names the model; `reset` and `state` are about the one that their data names. */
function tellOf({ event = "", data }: EventSourceMessage): void {
  const { id, model } = fieldsOf(data);
  if (event === "reset") tell({ model: String(model), id: null });
  else tell({ model: event, id: typeof id === "string" ? id : null });
}

function fieldsOf(data: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(data));
  } catch {
    return {};
  }
}
