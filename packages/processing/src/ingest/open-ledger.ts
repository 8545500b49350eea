import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { newEvent } from "@counterfoil/core/ingest/event";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Clock } from "../ports/clock.ts";
import { LedgerMismatch } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import { waitForMore } from "../subscribe.ts";

/** What `LedgerOpened` says: a trial's ledger holds money that is not real, and must never pass for one. */
export type LedgerNames = Readonly<{ name: string; environment: string }>;

/**
 * Makes sure that the stream begins with `LedgerOpened` of these names: appended by the first
 * ingestor that comes, read and compared by all others.
 *
 * @throws LedgerMismatch where the stream belongs to another ledger, environment or format.
 */
export async function openLedger(
  stream: EventStream,
  names: LedgerNames,
  hashing: Hashing,
): Promise<void> {
  const { name, environment } = names;
  const data = { name, format: 1, environment } as const;
  const event = newEvent(
    { type: "LedgerOpened", data },
    { id: eventId(["LedgerOpened", name], hashing), subject: "ledger" },
    { deliveryId: null, correlationId: null },
  );
  const result = await stream.append(0, [event]);
  if (result.outcome === "conflict") checkFirst(await firstEvent(stream), names);
}

/**
 * Waits until an ingestor has opened the ledger; every other role begins with this.
 *
 * @throws LedgerMismatch as `openLedger` does.
 */
export async function waitForLedger(
  stream: EventStream,
  names: LedgerNames,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const first = await firstEvent(stream);
    if (first !== undefined) return checkFirst(first, names);
    await waitForMore({ stream, clock }, 0, signal);
  }
}

async function firstEvent(stream: EventStream): Promise<RecordedEvent | undefined> {
  return (await stream.read({ after: 0, limit: 1 }))[0];
}

function checkFirst(first: RecordedEvent | undefined, { name, environment }: LedgerNames): void {
  const isOpening = first?.type === "LedgerOpened";
  const data = isOpening ? (readData(first) as DataOf<"LedgerOpened">) : null;
  if (data?.name !== name || data.format !== 1) {
    const found = data === null ? first?.type : `ledger "${data.name}", format ${data.format}`;
    throw new LedgerMismatch(
      `position 1 holds ${found}, expected ledger "${name}", format 1: point the configuration at its own data`,
    );
  }
  if (data.environment === environment) return;
  throw new LedgerMismatch(
    `ledger "${name}" was opened for the environment "${data.environment}", expected "${environment}" (COUNTERFOIL_ENVIRONMENT): what a ledger holds never moves to another environment, so begin an empty one (another data directory or database, or another COUNTERFOIL_LEDGER), or set COUNTERFOIL_ENVIRONMENT=${data.environment} to go on with this one`,
  );
}
