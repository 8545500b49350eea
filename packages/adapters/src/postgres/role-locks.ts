import { setTimeout as wait } from "node:timers/promises";
import type { HeldLock, RoleLocks } from "@counterfoil/processing/ports/role-locks";
import type { Client } from "pg";
import { STREAM } from "../sql/engine-errors.ts";
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

/** Interval of the heartbeats of a holder. */
const HEARTBEAT_MS = 3_000;
/** A holder without a heartbeat for this long, suspended or disconnected, loses its lock. */
const SILENCE_MS_MAX = 15_000;
/** The server's lock timeout for one attempt, so that a lost connection is noticed between attempts. */
const ATTEMPT_MS = 20_000;
const RETRY_MS = 1_000;
const RELEASE_TIMEOUT_MS = 2_000;

const CLIENT = {
  access: "write",
  isPipelined: false,
  timeoutMs: ATTEMPT_MS + 5_000,
  settings: {
    // The server ends an idle session, so that a suspended process does not keep its lock.
    idle_session_timeout: `${SILENCE_MS_MAX}`,
    lock_timeout: `${ATTEMPT_MS}`,
  },
} as const;
const LOCK_NOT_AVAILABLE = "55P03";

/**
 * Locks the roles of one ledger on one server. Each is a session lock on its own connection, which the
 * server releases when the connection ends. A process that resumes after a pause may believe that it
 * still holds a lock that another has taken: its commits then fail at the fence of its model or the
 * head of the stream.
 *
 * @throws ConfigurationInvalid if the URL is invalid
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
          // Waiting continues while the server is unavailable; any other error is thrown.
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

/** Waits for the lock; an abort closes the connection, and with it ends the wait on the server. */
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
      while (!signal.aborted) if (await lockWithTimeout(client, key)) return !signal.aborted;
      return false;
    });
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** @returns false if the lock was not free during the whole attempt */
async function lockWithTimeout(client: Client, key: string): Promise<boolean> {
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
  let heartbeat: NodeJS.Timeout | undefined;

  function lose(): void {
    clearTimeout(heartbeat);
    if (!isReleased) lost.abort(new Error("the connection that held the lock was lost"));
    closeClient(client);
  }

  /** A late heartbeat means that this process was suspended and may have lost the lock. */
  function scheduleHeartbeat(): void {
    const due = performance.now() + SILENCE_MS_MAX;
    heartbeat = setTimeout(async () => {
      try {
        await queryCells(client, { text: "SELECT" });
        if (performance.now() > due) return lose();
        if (!isReleased) scheduleHeartbeat();
      } catch {
        lose();
      }
    }, HEARTBEAT_MS);
  }

  client.on("error", lose);
  client.on("end", lose);
  scheduleHeartbeat();
  return {
    lost: lost.signal,
    release: async () => {
      if (isReleased) return;
      isReleased = true;
      clearTimeout(heartbeat);
      // The lock is free once the server has handled the end; it may never answer, hence the timeout.
      const ended = client.end().catch(() => undefined);
      await Promise.race([ended, wait(RELEASE_TIMEOUT_MS, undefined, { ref: false })]);
    },
  };
}
