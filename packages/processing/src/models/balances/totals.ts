import { accountParts } from "@counterfoil/core/account";
import {
  add,
  formatMoney,
  type Money,
  moneyIn,
  moneyOf,
  subtract,
  ZERO,
} from "@counterfoil/core/exact/money";
import type { ModelStore } from "../../ports/model-store.ts";
import type { Row } from "../../ports/table.ts";
import type { Work } from "../../projection/projection.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import type { ChangingColumns } from "./account.ts";
import { TOTAL_CHANGES, TOTALS } from "./tables.ts";

export interface Totals {
  /** What is shown of an account is different from a position on. */
  change(account: string, position: number, shown: Shown): void;
  /** Puts everything changed into the buffer, once before each commit. */
  flush(): Work;
}

type Shown = Readonly<{ before: ChangingColumns; after: ChangingColumns }>;

/** What a total is more by, from a position on. */
type Difference = { position: number; total: Money; accounts: number; withGaps: number };

/** So many are read at once. */
const PAGE = 1000;

export function openTotals(store: Pick<ModelStore, "select">, buffer: RowBuffer): Totals {
  /** By the total's id; differences in the order of the events. */
  let pending = new Map<string, Pending>();
  /** Of accounts that changed lately: to take an id apart costs as much as the sums. */
  const known = new Map<string, readonly TotalKey[]>();

  function keysOf(account: string): readonly TotalKey[] {
    const found = known.get(account);
    if (found !== undefined) return found;
    if (known.size >= KEYS_KEPT) known.clear();
    const made = totalsOf(account);
    known.set(account, made);
    return made;
  }

  async function flush(): Promise<void> {
    const all = [...pending];
    pending = new Map();
    for (let at = 0; at < all.length; at += PAGE) {
      const page = all.slice(at, at + PAGE);
      const stored = await storedTotals(
        store,
        page.map(([id]) => id),
      );
      for (const [id, { key, differences }] of page) {
        writeTotal(buffer, stored.get(id) ?? null, key, differences);
      }
    }
  }

  return {
    change(account, position, shown) {
      const difference = differenceOf(position, shown);
      if (difference === null) return;
      for (const key of keysOf(account)) {
        const found = pending.get(key.id);
        if (found === undefined) pending.set(key.id, { key, differences: [{ ...difference }] });
        else note(found.differences, difference);
      }
    },
    flush: () => (pending.size === 0 ? undefined : flush()),
  };
}

/** Some megabytes. */
const KEYS_KEPT = 20_000;

type Pending = Readonly<{ key: TotalKey; differences: Difference[] }>;

type TotalKey = Readonly<
  Record<
    "id" | "participant_code" | "provider" | "account_group" | "account_type" | "asset",
    string
  >
>;

/** The totals that an account is counted in. */
function totalsOf(account: string): readonly TotalKey[] {
  const { provider, participant_code, account_type, asset, ...parts } = accountParts(account);
  const account_group = parts.account_group ?? "";
  const alike = { provider, account_group, account_type, asset };
  const isOfGroup = participant_code === null || participant_code === account_group;
  const participants = isOfGroup ? [""] : ["", participant_code];
  return participants.map((participant_code) => {
    const parts = { participant_code, ...alike };
    return { id: JSON.stringify(Object.values(parts)), ...parts };
  });
}

/** null where the totals are as before. */
function differenceOf(position: number, { before, after }: Shown): Difference | null {
  const total = before.balance === after.balance ? ZERO : subtract(held(after), held(before));
  const accounts = counted(after) - counted(before);
  const withGaps = hasGap(after) - hasGap(before);
  if (total.isZero() && accounts === 0 && withGaps === 0) return null;
  return { position, total, accounts, withGaps };
}

const held = ({ balance }: ChangingColumns): Money => moneyIn(balance) ?? ZERO;
const counted = ({ status }: ChangingColumns): number => Number(status !== null);
const hasGap = ({ open_gaps }: ChangingColumns): number => Number((open_gaps ?? 0) > 0);

/** One event may change several accounts of a total. */
function note(differences: Difference[], { position, total, ...counts }: Difference): void {
  const last = differences.at(-1);
  if (last?.position !== position) {
    differences.push({ position, total, ...counts });
    return;
  }
  last.total = add(last.total, total);
  last.accounts += counts.accounts;
  last.withGaps += counts.withGaps;
}

async function storedTotals(
  store: Pick<ModelStore, "select">,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Row>> {
  const where = [{ column: "id", is: "in", value: ids }] as const;
  const rows = await store.select(TOTALS, { where, orderBy: ["id"], limit: ids.length });
  return new Map(rows.map((row) => [String(row.id), row]));
}

/**
 * The changes of a total stand in the order of positions. What is folded later of an earlier position (a
 * stopped subject that is tried again) counts from the last change on.
 */
function writeTotal(
  buffer: RowBuffer,
  stored: Row | null,
  key: TotalKey,
  differences: readonly Difference[],
): void {
  let last = stored === null ? null : changeOf(stored);
  let total = stored === null ? ZERO : moneyOf(String(stored.total));
  for (const difference of differences) {
    total = add(total, difference.total);
    const position = Math.max(difference.position, Number(last?.position ?? 0));
    const change: Row = {
      id: key.id,
      position,
      total: formatMoney(total),
      accounts: Number(last?.accounts ?? 0) + difference.accounts,
      accounts_with_gaps: Number(last?.accounts_with_gaps ?? 0) + difference.withGaps,
    };
    if (last?.position === position) buffer.put(TOTAL_CHANGES, change, last);
    else buffer.append(TOTAL_CHANGES, change);
    last = change;
  }
  buffer.put(TOTALS, { ...key, ...last }, stored);
}

const changeOf = ({ id = null, position = null, ...row }: Row): Row => ({
  id,
  position,
  total: row.total ?? null,
  accounts: row.accounts ?? null,
  accounts_with_gaps: row.accounts_with_gaps ?? null,
});
