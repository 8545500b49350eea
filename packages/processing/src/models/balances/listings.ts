import type { DataOf } from "@counterfoil/contracts/fact";
import type { Entry } from "@counterfoil/core/balances/entry";
import type { StreamEvent } from "@counterfoil/core/balances/fold";
import { comparePlaces } from "@counterfoil/core/balances/line-rule";
import type { MissingListing } from "@counterfoil/core/balances/unlisted";
import type { Connection } from "@counterfoil/core/feed-lines";
import type { Place } from "@counterfoil/core/ingest/fact-state";
import type { Rows } from "../../ports/model-store.ts";
import type { Row } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { LISTINGS, SNAPSHOTS } from "./tables.ts";

/** A snapshot's statement of an account. */
export type Listing = Readonly<{ account: string; place: Place }>;

/** The statement of a snapshot that the event records, or puts in force again. */
export function listingIn({ type, data }: StreamEvent): Listing | null {
  const isCorrected = type === "FactCorrected" && data.event_type === "BalanceReported";
  if (!isCorrected && type !== "BalanceReported") return null;
  const stated = isCorrected ? (data as DataOf<"FactCorrected">).data : data;
  const { account, run_id, place } = stated as DataOf<"BalanceReported">;
  return run_id === undefined && place !== undefined ? { account, place } : null;
}

/** A line's last complete snapshot, where it leaves the account out that an earlier one listed. */
export type LeftOut = Readonly<{ line: string; by: MissingListing | null }>;

/** Which accounts the snapshots of each line listed last: a function of the snapshots in force. */
export interface Listings {
  /** @returns null where the snapshot's connection is not known. */
  note(listing: Listing): Promise<LeftOut | null>;
  /** A snapshot of the connection states the account no more; these, which are all, still do. */
  takeBack(
    connection: string,
    account: string,
    snapshots: readonly Entry[],
  ): Promise<LeftOut | null>;
  /** @returns the accounts that the complete snapshot leaves out, each with the last that does. */
  complete(snapshot: Place): Promise<readonly Readonly<{ account: string; leftOut: LeftOut }>[]>;
}

type Context = Readonly<{
  store: Rows;
  buffer: RowBuffer;
  connections: ReadonlyMap<string, Connection>;
}>;

export async function openListings({ store, buffer, connections }: Context): Promise<Listings> {
  /** By line, its last complete snapshot. */
  const completed = await readCompleted(store);

  function leftOut(line: string, last: Spot | null): LeftOut {
    const snapshot = completed.get(line);
    const isLater = snapshot !== undefined && last !== null && isBefore(last, snapshot);
    return {
      line,
      by: isLater ? { connection: snapshot.connection, frame: snapshot.frame } : null,
    };
  }

  return {
    async note({ account, place }) {
      const connection = connections.get(place.connection);
      if (connection === undefined) return null;
      const { line, index } = connection;
      const stored = await buffer.get(LISTINGS, [line, account]);
      const spot = { index, frame: place.frame };
      const before = stored && spotOf(stored);
      if (before && isBefore(spot, before)) return leftOut(line, before);
      buffer.put(LISTINGS, listingRow(line, account, spot), stored);
      return leftOut(line, spot);
    },

    async takeBack(connection, account, snapshots) {
      const line = connections.get(connection)?.line;
      if (line === undefined) return null;
      const stored = await buffer.get(LISTINGS, [line, account]);
      const places = snapshots.flatMap((other) => other.places.filter((at) => at.line === line));
      const last = places.sort(comparePlaces).at(-1) ?? null;
      if (last) buffer.put(LISTINGS, listingRow(line, account, last), stored);
      else if (stored) buffer.remove(LISTINGS, stored, stored);
      return leftOut(line, last);
    },

    async complete({ connection: name, frame }) {
      const connection = connections.get(name);
      if (connection === undefined) return [];
      const { line, index } = connection;
      const snapshot = { connection: name, index, frame };
      const known = completed.get(line);
      if (known === undefined || isBefore(known, snapshot)) {
        completed.set(line, snapshot);
        buffer.put(
          SNAPSHOTS,
          completedRow(line, snapshot),
          known ? completedRow(line, known) : null,
        );
      }
      const listed = await listedBefore(buffer, store, line, snapshot);
      return [...listed].map(([account, last]) => ({ account, leftOut: leftOut(line, last) }));
    },
  };
}

/** Which connection of a line, and which frame of it. */
type Spot = Readonly<{ index: number; frame: number }>;
type Completed = Spot & Readonly<{ connection: string }>;

const isBefore = (a: Spot, b: Spot): boolean =>
  a.index < b.index || (a.index === b.index && a.frame < b.frame);

const spotOf = (row: Row): Spot => ({ index: Number(row.ordinal), frame: Number(row.frame) });

const listingRow = (line: string, account: string, { index, frame }: Spot): Row => ({
  line,
  account,
  ordinal: index,
  frame,
});

const completedRow = (line: string, { connection, index, frame }: Completed): Row => ({
  line,
  connection,
  ordinal: index,
  frame,
});

/** One a line: a few a day. */
async function readCompleted(rows: Rows): Promise<Map<string, Completed>> {
  const stored = await rows.select(SNAPSHOTS, { orderBy: ["line"], limit: 10_000_000 });
  return new Map(
    stored.map((row) => [String(row.line), { ...spotOf(row), connection: String(row.connection) }]),
  );
}

/** Accounts that earlier snapshots of the line listed, and none at this place or after. */
async function listedBefore(
  buffer: RowBuffer,
  rows: Rows,
  line: string,
  snapshot: Spot,
): Promise<ReadonlyMap<string, Spot>> {
  const stored = await rows.select(LISTINGS, {
    where: [
      { column: "line", is: "=", value: line },
      { column: "ordinal", is: "<=", value: snapshot.index },
    ],
    orderBy: ["line", "ordinal", "frame", "account"],
    limit: 10_000_000,
  });
  const latest = new Map(stored.map((row) => [String(row.account), spotOf(row)]));
  for (const row of buffer.pending(LISTINGS)) {
    if (row.line === line) latest.set(String(row.account), spotOf(row));
  }
  const listed = new Map<string, Spot>();
  for (const [account, spot] of latest) {
    // What was taken back since the last commit is still in the store.
    const isKept = isBefore(spot, snapshot) && (await buffer.get(LISTINGS, [line, account]));
    if (isKept) listed.set(account, spot);
  }
  return listed;
}
