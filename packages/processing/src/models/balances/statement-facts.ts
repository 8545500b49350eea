import type { StreamEvent, Target } from "@counterfoil/core/balances/evolve";
import { nextFact } from "@counterfoil/core/balances/evolve";
import type { EntryChange } from "@counterfoil/core/balances/history";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { type Account, seekEnd } from "./account.ts";
import { reportFrom } from "./entry-row.ts";
import type { Feeds } from "./feeds.ts";
import type { Step } from "./run-facts.ts";
import { putStatement, removeStatement } from "./statements.ts";
import { STATEMENTS } from "./tables.ts";
import { noteListing } from "./unlisted.ts";

/**
 * Folds an event about what a snapshot states of an account; that it lists it at all counts too.
 *
 * @returns null where nothing is known of what it amends
 */
export async function foldStatement(
  { buffer, feeds }: Readonly<{ buffer: RowBuffer; feeds: Feeds }>,
  account: Account,
  { connection, frame }: Extract<Target, { kind: "statement" }>,
  event: StreamEvent,
): Promise<Step | null> {
  const { position } = event;
  const stored = await buffer.get(STATEMENTS, [account.id, connection, frame]);
  const before = stored && reportFrom(stored);
  const state = nextFact(before, event);
  if (state === null) return null;
  let changes: readonly EntryChange[] = [];
  if (state.withdrawn) {
    if (stored !== null) changes = await removeStatement(buffer, account, stored, position);
    account.listedAt = await lastListing(buffer, account);
  } else {
    const openedAt = (await feeds.openedAt(connection)) ?? state.position;
    const statement = { connection, frame, openedAt, state };
    changes = await putStatement(buffer, account, statement, position);
    account.listedAt = Math.max(account.listedAt, openedAt);
    await noteListing(feeds, account.id);
  }
  account.statements += (state.withdrawn ? 0 : 1) - (stored === null ? 0 : 1);
  await seekEnd(buffer, account);
  const entry = { key: `${connection}:${frame}`, effectiveAt: account.snapshotAt };
  return { account, entry, before, after: state.withdrawn ? null : state, changes, event };
}

/** Where the feed was opened whose snapshot is the last that lists the account; 0 where none does. */
async function lastListing(buffer: RowBuffer, { id }: Account): Promise<number> {
  const [last] = await buffer.select(STATEMENTS, {
    where: [{ column: "account", is: "=", value: id }],
    orderBy: ["account", "opened_at", "connection", "frame"],
    descending: true,
    limit: 1,
  });
  return Number(last?.opened_at ?? 0);
}
