import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Table } from "../../../ports/model-store.ts";
import { createMemoryModelCatalogue } from "../../../testing/memory-model-catalogue.ts";
import { balancesProjection } from "../projection.ts";
import { ACCOUNTS, ENTRIES } from "../tables.ts";

export const ACCOUNT = "zerohash:DEF456:ABC123:general:available:BTC";

export type Fact = Readonly<{ type: string; data: object }>;

/** Seconds after a fixed time. */
export const timeAt = (second: number) =>
  formatTime(1_790_000_000_000_000_000n + BigInt(second) * 10n ** 9n);

const hashing = { sha256: (text: string) => text.length.toString(16).padStart(64, "0") };

/**
 * Folds facts; after every `commitEvery` events they are committed, and the next ones are folded with
 * nothing in memory.
 *
 * @returns a function that reads all rows of a table in an order
 */
export async function foldFacts(facts: readonly Fact[], commitEvery: number) {
  const catalogue = createMemoryModelCatalogue();
  const { tables, version: modelVersion } = balancesProjection;
  await catalogue.create("balances", { tables, modelVersion });
  const store = await catalogue.openForWriting("balances", 1);
  let session = await balancesProjection.open(store, hashing as unknown as Hashing);
  for (const [at, { type, data }] of facts.entries()) {
    const ids = { id: `e${at}`, causation_id: `d${at}`, correlation_id: null, hash: `h${at}` };
    const rest = { type, schema_version: 1, subject: ACCOUNT, occurred_at: null, recorded_at: 0n };
    const event: RecordedEvent = {
      ...{ ...ids, ...rest, position: at + 1 },
      data: JSON.stringify(data),
    };
    await session.apply(event);
    if ((at + 1) % commitEvery !== 0) continue;
    await session.commit();
    session = await balancesProjection.open(store, hashing as unknown as Hashing);
  }
  await session.commit();
  return (table: Table, orderBy: readonly string[] = table.key) =>
    store.select(table, { orderBy, limit: 9_999 });
}

/** The same of one account. @returns its row, and its entries in order */
export async function foldAccount(facts: readonly Fact[], commitEvery: number) {
  const rowsOf = await foldFacts(facts, commitEvery);
  const [account] = await rowsOf(ACCOUNTS);
  const entries = await rowsOf(ENTRIES, ["account", "placed_at", "rank", "mark"]);
  return { account, entries };
}
