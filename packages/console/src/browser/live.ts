import { type components, ProblemError, type Change as StreamedChange } from "@counterfoil/client";
import { batch, effect, signal } from "@preact/signals";
import { api, locked, streamApi } from "./session.ts";

export type Status = components["schemas"]["Status"];

/** A record that changed; with a null id any record of the model may have changed. */
export type Change = Readonly<{ model: string; id: string | null }>;

/** The latest status of the ledger; null before the first answer. */
export const status = signal<Status | null>(null);
/** The status does not come, so nothing of what is shown can be called present. */
export type Outage = Readonly<{
  /** What is shown is as of then; null if no status ever came. */
  asOf: string | null;
  /** In the service's own words, if it answers. */
  reason: string;
}>;

/** Null while the status comes. */
export const outage = signal<Outage | null>(null);
/** How many outages are over: what was shown during one has to be loaded again. */
export const recoveries = signal(0);
/** Whether changes are streamed, instead of polled. */
export const isStreaming = signal(false);
/**
 * Whether the status was requested once, successfully or not. Pages load their data after it, so that
 * the change stream, which starts from this status, misses no change of what they show.
 */
export const isStatusRequested = signal(false);

const listeners = new Set<(change: Change) => void>();

/** Calls `listener` at each change. @returns a function that unsubscribes */
export function onChange(listener: (change: Change) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const notify = (change: Change): void => {
  for (const listener of listeners) listener(change);
};

/** Any record of these models may have changed. */
const notifyModels = (models: Status["projections"]): void => {
  for (const { name } of models) notify({ model: name, id: null });
};

const POLL_MS = 2_000;
const RETRY_MS = 5_000;
/** A status takes milliseconds. After this time the page says that it does not come, and waits on. */
const OVERDUE_MS = 4_000;
const SILENT = "The service does not answer.";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Follows the ledger while the page is open: its status, and the changes of its models. */
export function follow(): void {
  // The next key must not see the status that another key loaded.
  effect(() => {
    if (locked.value === null) return;
    status.value = null;
    outage.value = null;
  });
  void followStatus();
  void followChanges();
}

async function followStatus(): Promise<never> {
  for (;;) {
    const isDue = !document.hidden || !isStatusRequested.value;
    if (locked.value === null && isDue) await refreshStatus();
    await pause(POLL_MS);
  }
}

/** Loads the status. Unless changes are streamed, notifies for every model whose position has moved. */
export async function refreshStatus(): Promise<void> {
  const client = api.value;
  const askedAt = new Date().toISOString();
  const isCurrent = () => client === api.value && locked.value === null;
  const overdue = setTimeout(() => {
    // What the service said last of an outage stays: it may say it again, as late as before.
    if (isCurrent() && outage.value === null) beginOutage(SILENT);
  }, OVERDUE_MS);
  try {
    const { data } = await client.getStatus();
    if (!isCurrent()) return;
    const before = new Map(status.value?.projections.map(({ name, position }) => [name, position]));
    batch(() => {
      status.value = data;
      statusAt = askedAt;
      if (outage.value !== null) recoveries.value += 1;
      outage.value = null;
    });
    const isPolling = !isStreaming.value && isStatusRequested.value;
    const moved = data.projections.filter(({ name, position }) => before.get(name) !== position);
    if (isPolling) notifyModels(moved);
  } catch (error) {
    if (!isCurrent()) return;
    beginOutage(error instanceof ProblemError ? error.message : SILENT);
  } finally {
    clearTimeout(overdue);
    isStatusRequested.value = true;
  }
}

/** When the latest status was requested, by this machine's clock. */
let statusAt: string | null = null;

function beginOutage(reason: string): void {
  outage.value = { asOf: status.value === null ? null : statusAt, reason };
}

/** Reads `/v1/changes`, and reconnects when it ends. An older service does not have this route. */
async function followChanges(): Promise<void> {
  let after: string | null = null;
  let isLost = false;
  for (;;) {
    const known = await whenStatusKnown();
    // Changes up to this status may have been missed.
    if (isLost) notifyModels(known.projections);
    isLost = false;
    after ??= lowestPosition(known);
    try {
      for await (const change of changesAfter(after)) {
        after = change.id ?? after;
        notify(changeOf(change));
      }
    } catch (error) {
      if (error instanceof ProblemError && [404, 405].includes(error.status)) return;
      // The position does not exist: the ledger was restored from a backup. Start from the new status.
      isLost = error instanceof ProblemError && error.status !== 401;
      if (isLost) after = null;
    }
    await pause(RETRY_MS);
  }
}

/** The lowest position of all live models: a page shows at least everything up to it. */
function lowestPosition({ head, projections }: Status): string {
  const live = projections.filter(({ state }) => state === "live");
  return String(Math.min(Number(head), ...live.map(({ position }) => Number(position))));
}

/** The status, once the present session has loaded it. */
function whenStatusKnown(): Promise<Status> {
  return new Promise((resolve) => {
    const stop = effect(() => {
      const known = locked.value === null ? status.value : null;
      if (known === null) return;
      resolve(known);
      // Deferred: `stop` is not assigned yet if the effect runs synchronously.
      queueMicrotask(() => stop());
    });
  });
}

/** Streams changes until the session's key changes. */
async function* changesAfter(after: string): AsyncGenerator<StreamedChange> {
  const leaving = new AbortController();
  const client = streamApi.value;
  const stop = effect(() => {
    if (streamApi.value !== client || locked.value !== null) leaving.abort();
  });
  const onConnection = (isConnected: boolean) => {
    isStreaming.value = isConnected;
  };
  try {
    const { signal } = leaving;
    yield* client.streamChanges({ after }, { signal, onConnection });
  } finally {
    stop();
  }
}

/** `reset` and `state` concern a whole model, named in their data. */
function changeOf({ event, data }: StreamedChange): Change {
  return event === "reset" || event === "state"
    ? { model: data.model, id: null }
    : { model: event, id: data.id };
}
