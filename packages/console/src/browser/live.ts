import { ProblemError } from "@counterfoil/client";
import { batch, computed, effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { behindIn, type Source, type Status, versionOf } from "./lag.ts";
import { api, locked } from "./session.ts";

/** The latest status of the ledger; null before the first answer. */
export const status = signal<Status | null>(null);
/** When the latest status was requested, by this machine's clock. */
const statusAt = signal<string | null>(null);

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
/**
 * Whether the status was requested once, successfully or not. Pages load their data after it, so that
 * every later position is one that they have not seen.
 */
export const isStatusRequested = signal(false);

/** What the page shows now: for each of its answers, what it is read from. */
const shown = signal<readonly (readonly Source[])[]>([]);

/** Declares that the page shows what is read from these. */
export function useShown(sources: readonly Source[]): void {
  useEffect(() => {
    shown.value = [...shown.peek(), sources];
    return () => {
      shown.value = shown.peek().filter((each) => each !== sources);
    };
  }, [sources.join()]);
}

/** The models that the page shows, and that do not show the present. */
export const behind = computed(() => behindIn(status.value, shown.value.flat()));

/** What changes whenever an answer that is read from these may have changed. */
export const currentVersion = (sources: readonly Source[]): string =>
  `${recoveries.value} ${versionOf(status.value, statusAt.value, sources)}`;

const POLL_MS = 1_000;
/** A status takes milliseconds. After this time the page says that it does not come, and waits on. */
const OVERDUE_MS = 4_000;
const SILENT = "The service does not answer.";

/** Follows the ledger's status while the page is open, and can be seen. */
export function follow(): void {
  // The next key must not see the status that another key loaded.
  effect(() => {
    if (locked.value === null) return;
    status.value = null;
    outage.value = null;
  });
  void followStatus();
}

async function followStatus(): Promise<never> {
  for (;;) {
    const isDue = !document.hidden || !isStatusRequested.value;
    if (locked.value === null && isDue) await refreshStatus();
    await pauseUntilSeen(POLL_MS);
  }
}

/** Ends early when the page is seen again, so that it does not show what it showed when it was left. */
function pauseUntilSeen(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    document.addEventListener("visibilitychange", end);
  });
}

/** Loads the status. */
export async function refreshStatus(): Promise<void> {
  const client = api.value;
  const isCurrent = () => api.value === client && locked.value === null;
  const askedAt = new Date().toISOString();
  const overdue = setTimeout(() => {
    // What the service said last of an outage stays: it may say it again, as late as before.
    if (isCurrent() && outage.value === null) beginOutage(SILENT);
  }, OVERDUE_MS);
  try {
    const { data } = await client.getStatus();
    if (!isCurrent()) return;
    batch(() => {
      status.value = data;
      statusAt.value = askedAt;
      if (outage.value !== null) recoveries.value += 1;
      outage.value = null;
    });
  } catch (error) {
    if (!isCurrent()) return;
    beginOutage(error instanceof ProblemError ? error.message : SILENT);
  } finally {
    clearTimeout(overdue);
    isStatusRequested.value = true;
  }
}

function beginOutage(reason: string): void {
  outage.value = { asOf: status.value === null ? null : statusAt.value, reason };
}
