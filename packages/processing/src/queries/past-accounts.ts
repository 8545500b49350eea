import { provider } from "@counterfoil/contracts/scalar";
import { ACCOUNT_STARTS } from "../models/balances/tables.ts";
import type { Condition, Row, Rows, Value } from "../ports/model-store.ts";
import { eachOf, selectEither } from "./answers.ts";
import type { Moment } from "./moment.ts";
import { ModelNotServed } from "./serving.ts";

/** The first version of the balances model that stores when each account was first reported. */
const STARTS_SINCE = 9;

/**
 * @throws ModelNotServed if the served generation does not store when accounts were first reported
 */
export function checkStartsKnown(modelVersion: number): void {
  if (modelVersion >= STARTS_SINCE) return;
  throw new ModelNotServed(
    `lists of a past moment need version ${STARTS_SINCE} of the balances, and version ${modelVersion} is served until a projector has built it`,
  );
}

/** The conditions on the accounts of a list. */
type AccountConditions = Readonly<{
  where: readonly Condition[];
  /** Alternatives: an account must meet one of them. */
  either: readonly (readonly Condition[])[];
  moment: Moment;
}>;

/** Reads at most `limit` ids after the last one. */
type ReadIds = (beyond: readonly Value[] | null, limit: number) => Promise<readonly string[]>;

/**
 * The ids of accounts that may have existed at a past moment, in order. The list is complete, but
 * may contain accounts that were corrected or removed; their own rows show whether they existed
 * then.
 *
 * Accounts that had started are found either by start or in the order of the list. If at most a
 * thousand had started, all of them are read by start, because a scan along the list would pass
 * over all the others. If more had, such a scan finds them often enough: of 100,000 accounts, a
 * hundredth or more match.
 */
export async function pastAccounts(
  rows: Rows,
  { where, either, moment }: AccountConditions,
): Promise<ReadIds> {
  const started = startedBy(moment);
  const all = [...where, ...started];
  const listed = hasListIndex([...where, ...either.flat()])
    ? either
    : eachOf("provider", PROVIDERS);
  for (const one of started) {
    const count = await rows.count(ACCOUNT_STARTS, [one], READ_BY_START_MAX + 1);
    if (count > READ_BY_START_MAX) continue;
    const orderBy = [one.column, "account"];
    const found = await selectEither(rows, ACCOUNT_STARTS, either, {
      ...{ where: all, orderBy, limit: READ_BY_START_MAX },
    });
    const ids = idsOf(found).sort();
    return async (beyond, limit) => {
      const last = beyond?.[0] ?? "";
      return ids.filter((id) => id > String(last)).slice(0, limit);
    };
  }
  return async (beyond, limit) => {
    // A key at the beginning, too, makes the engine seek in list order instead of sorting all
    // matches.
    const selection = { where: all, orderBy: ["account"], beyond: beyond ?? [""], limit };
    return idsOf(await selectEither(rows, ACCOUNT_STARTS, listed, selection));
  };
}

const PROVIDERS = provider.options;

/**
 * Whether an index on one of these columns has the order of the list. If no such column is
 * filtered, each provider's accounts are read separately: the primary key has the list's order too,
 * and the engine would prefer it although it does not cover starts.
 */
const hasListIndex = (conditions: readonly Condition[]): boolean =>
  conditions.some(({ column, is }) => is === "=" && LIST_INDEXED.has(column));

const LIST_INDEXED: ReadonlySet<string> = new Set(["participant_code", "account_group", "asset"]);

const READ_BY_START_MAX = 1000;

function startedBy({ as_of, at_position }: Moment): readonly Condition[] {
  const by = { first_at: as_of, first_position: at_position };
  return Object.entries(by).flatMap(([column, value]): readonly Condition[] =>
    value === undefined ? [] : [{ column, is: "<=", value }],
  );
}

const idsOf = (starts: readonly Row[]): string[] => starts.map(({ account }) => String(account));
