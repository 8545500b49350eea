import { provider } from "@counterfoil/contracts/scalar";
import { ACCOUNT_STARTS } from "../models/balances/tables.ts";
import type { Condition, Row, Rows, Value } from "../ports/model-store.ts";
import { eachOf, selectEither } from "./answers.ts";
import type { Moment } from "./moment.ts";
import { ModelNotServed } from "./serving.ts";

/** From this version on the balances' rows say since when there was anything of an account. */
const STARTS_SINCE = 9;

/** @throws ModelNotServed where the generation that is served cannot tell who was there at a past moment */
export function checkStartsKnown(modelVersion: number): void {
  if (modelVersion >= STARTS_SINCE) return;
  throw new ModelNotServed(
    `lists of a past moment need version ${STARTS_SINCE} of the balances, and version ${modelVersion} is served until a projector has built it`,
  );
}

/** Which accounts are looked for. */
type Asked = Readonly<{
  where: readonly Condition[];
  /** One of these is enough. */
  either: readonly (readonly Condition[])[];
  moment: Moment;
}>;

/** At most so many ids behind the last one. */
type ReadIds = (beyond: readonly Value[] | null, limit: number) => Promise<readonly string[]>;

/**
 * The ids of accounts that may have been there at a past moment, in their order. None that was is missing;
 * of one that was corrected, or is gone, its own rows tell whether it was.
 *
 * Those that had begun are found in the order of time, or in that of the list. Where a thousand had, all
 * of them are read in the order of time: to look for them along the list would pass by all the others.
 * Where more had, one in so many along the list had: of 100,000 accounts a hundredth or more.
 */
export async function pastAccounts(rows: Rows, { where, either, moment }: Asked): Promise<ReadIds> {
  const begun = begunBy(moment);
  const all = [...where, ...begun];
  const listed = isListed([...where, ...either.flat()]) ? either : eachOf("provider", PROVIDERS);
  for (const one of begun) {
    if ((await rows.count(ACCOUNT_STARTS, [one], FEW_MAX + 1)) > FEW_MAX) continue;
    const orderBy = [one.column, "account"];
    const found = await selectEither(rows, ACCOUNT_STARTS, either, {
      ...{ where: all, orderBy, limit: FEW_MAX },
    });
    const ids = idsOf(found).sort();
    return async (beyond, limit) => {
      const last = beyond?.[0] ?? "";
      return ids.filter((id) => id > String(last)).slice(0, limit);
    };
  }
  return async (beyond, limit) => {
    // Also at its beginning the list is sought in its own order, and not collected and sorted.
    const selection = { where: all, orderBy: ["account"], beyond: beyond ?? [""], limit };
    return idsOf(await selectEither(rows, ACCOUNT_STARTS, listed, selection));
  };
}

const PROVIDERS = provider.options;

/**
 * Whether an index of one of these columns has the order of the list. Where nobody asks for one, each
 * provider's are read by themselves: the key has that order too, and would be preferred to an index
 * that begins with the account, though it tells nothing of starts.
 */
const isListed = (conditions: readonly Condition[]): boolean =>
  conditions.some(({ column, is }) => is === "=" && LISTED.has(column));

const LISTED: ReadonlySet<string> = new Set(["participant_code", "account_group", "asset"]);

const FEW_MAX = 1000;

function begunBy({ as_of, at_position }: Moment): readonly Condition[] {
  const by = { first_at: as_of, first_position: at_position };
  return Object.entries(by).flatMap(([column, value]): readonly Condition[] =>
    value === undefined ? [] : [{ column, is: "<=", value }],
  );
}

const idsOf = (starts: readonly Row[]): string[] => starts.map(({ account }) => String(account));
