import type { ModelName } from "@counterfoil/contracts/fact";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import type { ModelStore } from "@counterfoil/processing/ports/model-store";
import { byArrival } from "@counterfoil/simulator/delivery/planned-delivery";
import { formatAmount } from "@counterfoil/simulator/exact";
import { type Arrivals, arrivalsOf } from "@counterfoil/simulator/testing/arrivals";
import { isWebhook, shuffleBetweenOpenings } from "@counterfoil/simulator/testing/deliveries";
import {
  type HardAccount,
  type HardWorld,
  trueBalance,
} from "@counterfoil/simulator/testing/hard-world";
import {
  isDatedRight,
  isExact,
  type Knowledge,
  knownOf,
} from "@counterfoil/simulator/testing/perfect-reader";
import { type ShownAccount, shownAccounts, shownRecords } from "./shown.ts";
import {
  allRows,
  type LedgerOptions,
  openTestLedger,
  printed,
  refold,
  stateDifferences,
  type TestLedger,
  without,
} from "./support.ts";
import { accountOf } from "./truth.ts";

/** What must hold in every hard world. */
export const PROPERTIES = {
  order: "webhooks in any order, any number of times, give one state",
  rebuild: "a model folded live equals one rebuilt",
  balance: "a balance is the books', or is marked as uncertain, or could not be known",
  mark: "nothing is marked as uncertain where nothing is lost and clocks are exact to 20 ms",
  loss: "no loss that could be known is without a mark",
  lifecycle: "withdrawals end as the books say where nothing is lost",
} as const;

export type Property = keyof typeof PROPERTIES;

export type Breach = Readonly<{
  property: Property;
  /** Our id of the account; null where it is of no single one. */
  account: string | null;
  what: string;
}>;

/** Every property that does not hold of the world, and where. */
export async function breachesOf(
  world: HardWorld,
  other: LedgerOptions = {},
): Promise<readonly Breach[]> {
  const { seed, plan } = world;
  const inOrder = await openTestLedger({ seed });
  await inOrder.play(plan);
  await inOrder.catchUp();
  const breaches = [
    ...(await orderBreaches(world, inOrder, other)),
    ...(await rebuildBreaches(inOrder)),
    ...accountBreaches(world, await shownAccounts(inOrder)),
    ...(await lifecycleBreaches(world, inOrder)),
  ];
  await inOrder.close();
  return breaches;
}

/** Webhooks come shuffled and twice, to two ingests that race. */
async function orderBreaches(
  { seed, plan, accounts }: HardWorld,
  inOrder: TestLedger,
  options: LedgerOptions,
): Promise<readonly Breach[]> {
  // What has the time of its arrival is another history where it arrives in another order.
  const isPrinted = accounts.every((account) =>
    arrivalsOf(account, plan).reports.every((report) => report.isPrinted),
  );
  if (!isPrinted) return [];
  const twice = [...plan, ...plan.filter(isWebhook)].toSorted(byArrival);
  const racing = { seed: `${seed} again`, ingests: 2, together: 20, ...options };
  const shuffled = await openTestLedger(racing);
  await shuffled.play(shuffleBetweenOpenings(twice, seed));
  await shuffled.catchUp();
  const differences = await stateDifferences(inOrder, shuffled);
  await shuffled.close();
  if (differences.length === 0) return [];
  return [{ property: "order", account: null, what: differences.join("\n") }];
}

async function rebuildBreaches(ledger: TestLedger): Promise<readonly Breach[]> {
  const live = await ledger.checkpoints();
  const breaches: Breach[] = [];
  for (const model of MODEL_NAMES) {
    const { checkpoint, store } = await refold(ledger.stream, ledger.projections[model]);
    if (checkpoint.digest === live[model].digest) continue;
    const rows = await rowsThatDiffer(ledger, model, store);
    const what = [`${model} has another digest`, ...rows].join("\n");
    breaches.push({ property: "rebuild", account: null, what });
  }
  return breaches;
}

async function rowsThatDiffer(ledger: TestLedger, model: ModelName, store: ModelStore) {
  const lines: string[] = [];
  for (const table of ledger.projections[model].tables) {
    const live = (await ledger.rows(model, table)).map(printed);
    const rebuilt = (await allRows(store, table)).map(printed);
    lines.push(...without(live, rebuilt).map((row) => `  live ${table.name} ${row}`));
    lines.push(...without(rebuilt, live).map((row) => `  rebuilt ${table.name} ${row}`));
  }
  return lines.slice(0, 20);
}

/** What is shown of each account against the books and against what could be known. */
function accountBreaches(
  { accounts, plan }: HardWorld,
  shown: ReadonlyMap<string, ShownAccount>,
): readonly Breach[] {
  return accounts.flatMap((account) => {
    const arrivals = arrivalsOf(account, plan);
    const isNamed = arrivals.snapshots.some(({ balance }) => balance !== null);
    if (arrivals.reports.length === 0 && !isNamed) return [];
    const id = accountOf(account.account);
    const knowledge = knownOf(arrivals);
    return breachesOfAccount({ account, arrivals, knowledge, shown: shown.get(id) }).map(
      ([property, what]) => ({ property, account: id, what }),
    );
  });
}

type Seen = Readonly<{
  account: HardAccount;
  arrivals: Arrivals;
  knowledge: Knowledge;
  shown: ShownAccount | undefined;
}>;

function breachesOfAccount({
  account,
  arrivals,
  knowledge: { isDecided, ends },
  shown,
}: Seen): readonly (readonly [Property, string])[] {
  if (shown === undefined) return [["balance", "the account is not shown"]];
  const { balance, status, openGaps } = shown;
  const isMarked = status !== "continuous";
  const standing = `${balance}, ${status}, ${openGaps} gaps`;
  const isWhole = arrivals.reports.length === account.reports.length;
  if (isMarked) {
    const isFalse = isWhole && isExact(arrivals, account);
    return isFalse ? [["mark", `${standing}, though nothing is lost`]] : [];
  }
  if (!isDecided) return [];
  if (ends.size === 0) return [["loss", `${standing}, though something is lost`]];
  const truth = trueBalance(account);
  const isKnown = ends.size === 1 && ends.has(truth);
  const isRight = balance === formatAmount(truth);
  return isKnown && !isRight
    ? [["balance", `${standing}, though it holds ${formatAmount(truth)}`]]
    : [];
}

/** Of equal withdrawals that name no request nobody knows which one ended: they are counted. */
async function lifecycleBreaches(
  { accounts, plan, withdrawals }: HardWorld,
  ledger: TestLedger,
): Promise<readonly Breach[]> {
  const hasBothSides = accounts.length % 2 === 0;
  const isClear = accounts.every((account) => {
    const arrivals = arrivalsOf(account, plan);
    const isWhole = arrivals.reports.length === account.reports.length;
    // Movements are joined by their times.
    return isWhole && isExact(arrivals, account) && isDatedRight(arrivals, account);
  });
  if (!hasBothSides || !isClear) return [];
  const expected = withdrawals.map(({ account, amount, outcome }) =>
    [account.participantCode, account.asset, formatAmount(amount), outcome].join(" "),
  );
  const shown = (await shownRecords(ledger, "withdrawals")).map(
    ({ participant, asset, amount, stage }) => [participant, asset, amount, stage].join(" "),
  );
  const [found, books] = [shown.sort().join("\n"), expected.sort().join("\n")];
  if (found === books) return [];
  return [{ property: "lifecycle", account: null, what: `shown:\n${found}\nbooks:\n${books}` }];
}
