import type { Connection } from "../feed-lines.ts";
import type { Book } from "./book-window.ts";
import { comparePlaces } from "./line-rule.ts";
import { type Running, SNAPSHOT_KNOWS } from "./report.ts";

/** A complete snapshot that did not list an account which an earlier one of its line had listed. */
export type MissingListing = Readonly<{ connection: string; frame: number }>;

/**
 * Whether an account that a snapshot left out still seems to hold something: its last report surely
 * came before the snapshot was asked for, and left a balance. It is never set to zero: the report
 * that did it may only be late.
 */
export function isUnlisted(
  { entries, left }: Book,
  balance: Running,
  { connection, frame }: MissingListing,
  connections: ReadonlyMap<string, Connection>,
): boolean {
  const asked = connections.get(connection);
  if (balance === null || balance.isZero() || asked === undefined) return false;
  const last = entries.findLast(({ standing }) => standing);
  if (last === undefined) return left.chainAt < asked.openedAt - SNAPSHOT_KNOWS;
  if (last.effectiveAt >= asked.openedAt - SNAPSHOT_KNOWS) return false;
  const { line, lineOpenedAt, index } = asked;
  const place = { line, lineOpenedAt, index, frame };
  return !last.places.some((other) => other.line === line && comparePlaces(other, place) > 0);
}
