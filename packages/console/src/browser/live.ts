import { type components, ProblemError, type Change as StreamedChange } from "@counterfoil/client";
import { computed, effect, signal } from "@preact/signals";
import { api, locked } from "./session.ts";

export type Status = components["schemas"]["Status"];

/** A record that changed; without an id anything of the model may have. */
export type Change = Readonly<{ model: string; id: string | null }>;

/** How the ledger is doing, as last heard; null before the first answer. */
export const status = signal<Status | null>(null);
/** Why nothing new is heard; null while all is well. */
export const silence = signal<string | null>(null);
/** Whether changes are told as they happen, instead of asked for. */
export const isStreaming = signal(false);
/**
 * Whether the status was asked for once, whatever came of it. Pages ask after it, so that whoever
 * follows from there on misses no change of what they show.
 */
export const isBegun = signal(false);

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

/** Anything of these models may have changed. */
const tellOf = (models: Status["projections"]): void => {
  for (const { name } of models) tell({ model: name, id: null });
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
    const isSeen = !document.hidden || !isBegun.value;
    if (locked.value === null && isSeen) await refreshStatus();
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
    const isTold = isStreaming.value || !isBegun.value;
    const moved = data.projections.filter(({ name, position }) => before.get(name) !== position);
    if (!isTold) tellOf(moved);
  } catch (error) {
    if (error instanceof ProblemError && error.status === 401) return;
    silence.value = error instanceof ProblemError ? error.message : "The service does not answer.";
  } finally {
    isBegun.value = true;
  }
}

/** Reads `/v1/changes`, again after each end; a service that is older has none. */
async function followChanges(): Promise<void> {
  let after: string | null = null;
  let isLost = false;
  for (;;) {
    const known = await whenKnown();
    // What is shown may have changed up to there.
    if (isLost) tellOf(known.projections);
    isLost = false;
    after ??= reachedBy(known);
    try {
      for await (const change of changesAfter(after)) {
        after = change.id ?? after;
        tell(changeOf(change));
      }
    } catch (error) {
      if (error instanceof ProblemError && [404, 405].includes(error.status)) return;
      // A position that is not there: the ledger was brought back from a copy, and goes on from that.
      isLost = error instanceof ProblemError && error.status !== 401;
      if (isLost) after = null;
    }
    await pause(RETRY_MS);
  }
}

/** How far every model had come at least when a page was first answered; those that are far behind say so. */
function reachedBy({ head, projections }: Status): string {
  const live = projections.filter(({ state }) => state === "live");
  return String(Math.min(Number(head), ...live.map(({ position }) => Number(position))));
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
async function* changesAfter(after: string): AsyncGenerator<StreamedChange> {
  const leaving = new AbortController();
  const asked = api.value;
  const stop = effect(() => {
    if (api.value !== asked || locked.value !== null) leaving.abort();
  });
  const onConnection = (isConnected: boolean) => {
    isStreaming.value = isConnected;
  };
  try {
    const { signal } = leaving;
    yield* asked.streamChanges({ after }, { signal, onConnection });
  } finally {
    stop();
  }
}

/** `reset` and `state` are about the model that their data name. */
function changeOf({ event, data }: StreamedChange): Change {
  return event === "reset" || event === "state"
    ? { model: data.model, id: null }
    : { model: event, id: data.id };
}
