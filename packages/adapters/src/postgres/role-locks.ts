import { setTimeout as wait } from "node:timers/promises";
import type { HeldLock, RoleLocks } from "@counterfoil/processing/ports/installation";
import type { Client } from "pg";
import { STREAM } from "../sql/trouble.ts";
import { closeClient, openClient, queryCells } from "./client.ts";
import {
  type LedgerOnServer,
  ledgerSchema,
  lockKey,
  portError,
  type Server,
  serverOf,
  stateOf,
} from "./server.ts";

/** How often a holder proves that it lives, to the server and to itself. */
const BEAT_EVERY_MS = 3_000;
/** A holder that is silent for so long, asleep or cut off, loses its lock. */
const SILENCE_MS_MAX = 15_000;
/** How long one attempt waits on the server, which then asks the network whether all is well. */
const ATTEMPT_MS = 20_000;
const RETRY_MS = 1_000;
const RELEASE_MS_MAX = 2_000;

const CLIENT = {
  access: "write",
  isPipelined: false,
  timeoutMs: ATTEMPT_MS + 5_000,
  settings: {
    // The server ends a session that stays silent: a process that sleeps holds no lock.
    idle_session_timeout: `${SILENCE_MS_MAX}`,
    lock_timeout: `${ATTEMPT_MS}`,
  },
} as const;
const LOCK_NOT_AVAILABLE = "55P03";

/**
 * The roles of one ledger on one server: session locks, each on a connection of its own, which the
 * server lets go of when the connection ends. A process that comes back from a pause may believe to
 * hold what another has taken meanwhile: what it then commits is stopped by the fence of its model
 * or the head of the stream.
 *
 * @throws ConfigurationInvalid where the URL is none
 */
export function createRoleLocks({ url, ledger }: LedgerOnServer): RoleLocks {
  const server = serverOf(url);
  const keyOf = (name: string) => lockKey("role", ledgerSchema(ledger), name);
  return {
    tryAcquire: async (name) => {
      try {
        const client = await openClient(server, CLIENT);
        return await heldOrClosed(client, () => tryLock(client, keyOf(name)));
      } catch (error) {
        throw portError(error, STREAM, server);
      }
    },
    acquire: async (name, signal) => {
      while (!signal.aborted) {
        try {
          return await waitForLock(server, keyOf(name), signal);
        } catch (error) {
          // Waiting outlasts the server's absences; what is wrong for good fails at the start.
          if (portError(error, STREAM, server) === error) throw error;
          await wait(RETRY_MS, undefined, { signal }).catch(() => undefined);
        }
      }
      return null;
    },
  };
}

async function tryLock(client: Client, key: string): Promise<boolean> {
  const [cells] = await queryCells(client, { text: "SELECT pg_try_advisory_lock($1)" }, [key]);
  return cells?.[0] === "t";
}

/** An abort ends the connection, and with it the server's waiting. */
async function waitForLock(
  server: Server,
  key: string,
  signal: AbortSignal,
): Promise<HeldLock | null> {
  const client = await openClient(server, CLIENT);
  const giveUp = () => closeClient(client);
  signal.addEventListener("abort", giveUp);
  try {
    return await heldOrClosed(client, async () => {
      while (!signal.aborted) if (await isLocked(client, key)) return !signal.aborted;
      return false;
    });
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** @returns false where it was not free for the whole attempt */
async function isLocked(client: Client, key: string): Promise<boolean> {
  try {
    await queryCells(client, { text: "SELECT pg_advisory_lock($1)" }, [key]);
    return true;
  } catch (error) {
    if (stateOf(error) === LOCK_NOT_AVAILABLE) return false;
    throw error;
  }
}

async function heldOrClosed(
  client: Client,
  take: () => Promise<boolean>,
): Promise<HeldLock | null> {
  let isHeld = false;
  try {
    isHeld = await take();
    return isHeld ? heldLock(client) : null;
  } finally {
    if (!isHeld) closeClient(client);
  }
}

function heldLock(client: Client): HeldLock {
  const lost = new AbortController();
  let isReleased = false;
  let beat: NodeJS.Timeout | undefined;

  function lose(): void {
    clearTimeout(beat);
    if (!isReleased) lost.abort(new Error("the connection that held the lock was lost"));
    closeClient(client);
  }

  /** A beat that comes too late means that this process slept, and that the lock may be gone. */
  function beatLater(): void {
    const due = performance.now() + SILENCE_MS_MAX;
    beat = setTimeout(async () => {
      try {
        await queryCells(client, { text: "SELECT" });
        if (performance.now() > due) return lose();
        if (!isReleased) beatLater();
      } catch {
        lose();
      }
    }, BEAT_EVERY_MS);
  }

  client.on("error", lose);
  client.on("end", lose);
  beatLater();
  return {
    lost: lost.signal,
    release: async () => {
      if (isReleased) return;
      isReleased = true;
      clearTimeout(beat);
      // The next process gets the lock once the server knows of the end, which may never be.
      const ended = client.end().catch(() => undefined);
      await Promise.race([ended, wait(RELEASE_MS_MAX, undefined, { ref: false })]);
    },
  };
}
