import { accountParts } from "@counterfoil/core/account";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { Work } from "../../projection/projection.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { ACCOUNT_STARTS } from "./tables.ts";

/** The position of an account's first event, and the earliest effective time of its entries; null if unknown. */
export type Start = Readonly<{ position: number | null; at: Nanos | null }>;

/** The lower position and the lower time of two starts. */
export const earliest = (a: Start | null, b: Start): Start =>
  a === null ? b : { position: lowerOf(a.position, b.position), at: lowerOf(a.at, b.at) };

function lowerOf<N extends number | bigint>(a: N | null, b: N | null): N | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}

/** Keeps the start of each account; see `ACCOUNT_STARTS`. */
export interface AccountStarts {
  /** Records that an account starts here or earlier. */
  note(account: string, start: Start): void;
  /** Puts starts that are earlier than the stored ones into the buffer, once before each commit. */
  flush(): Work;
}

export function openAccountStarts(buffer: RowBuffer): AccountStarts {
  let pending = new Map<string, Start>();

  async function flush(): Promise<void> {
    const noted = pending;
    pending = new Map();
    for (const [account, start] of noted) await writeStart(buffer, account, start);
  }

  return {
    note(account, start) {
      pending.set(account, earliest(pending.get(account) ?? null, start));
    },
    flush: () => (pending.size === 0 ? undefined : flush()),
  };
}

async function writeStart(buffer: RowBuffer, account: string, start: Start): Promise<void> {
  const stored = await buffer.get(ACCOUNT_STARTS, [account]);
  const known = stored && {
    position: Number(stored.first_position),
    at: stored.first_at as Nanos | null,
  };
  const { position, at } = earliest(known, start);
  if (known !== null && position === known.position && at === known.at) return;
  const { address: _, ...parts } = accountParts(account);
  const row = { account, ...parts, first_position: position, first_at: at };
  buffer.put(ACCOUNT_STARTS, row, stored);
}
