import { formatAmount } from "@counterfoil/simulator/exact";
import { arrivedMessages } from "@counterfoil/simulator/testing/deliveries";
import type {
  HardAccount,
  HardDelivery,
  HardWorld,
} from "@counterfoil/simulator/testing/hard-world";
import { smallerWorlds } from "@counterfoil/simulator/testing/smaller-worlds";

/** A cut is tried by playing it: so many make a world small enough to be read. */
const TRIES_MAX = 300;

/** The smallest world found in which the same still fails. */
export async function reduced(
  world: HardWorld,
  fails: (smaller: HardWorld) => Promise<boolean>,
): Promise<HardWorld> {
  let smallest = world;
  let tries = 0;
  for (let isSmaller = true; isSmaller && tries < TRIES_MAX; ) {
    isSmaller = false;
    for (const smaller of smallerWorlds(smallest)) {
      tries += 1;
      isSmaller = await fails(smaller);
      if (isSmaller) smallest = smaller;
      if (isSmaller || tries >= TRIES_MAX) break;
    }
  }
  return smallest;
}

type Row = readonly string[];
/** Milliseconds after the first run. */
type At = (ns: bigint) => string;

/** What really happened and what arrives of it, as two tables. */
export function worldTable(world: HardWorld): string {
  const startNs = world.steps[0]?.atNs ?? 0n;
  const at: At = (ns) => (Number(ns - startNs) / 1e6).toFixed(3);
  const arrivals = world.plan.map((each): Row => [at(each.arrivesAtNs), ...arrivalCells(each)]);
  const arrivalHead = ["arrives ms", "what", "on", "account", "says"];
  return [
    ...tableLines([TRUTH_HEAD, ...truthRows(world, at)]),
    "",
    ...tableLines([arrivalHead, ...arrivals]),
  ].join("\n");
}

const TRUTH_HEAD = ["true ms", "account", "run", "printed", "run's", "change", "balance", ""];

function truthRows({ accounts, plan }: HardWorld, at: At): readonly Row[] {
  const arrived = arrivedMessages(plan);
  const printed = (ns: bigint | undefined) => (ns ? at(ns) : String(ns ?? "none"));
  const reports = accounts.flatMap(({ account, reports }) =>
    reports.map((report) => ({ ...report, holder: holderOf(account) })),
  );
  reports.sort((a, b) => a.step - b.step);
  return reports.map(({ holder, atNs, change, balanceAfter, message }): Row => {
    const { run, movements } = message.report ?? {};
    return [
      ...[at(atNs), holder, run?.runId ?? ""],
      ...[printed(movements?.at(-1)?.atNs), printed(run?.atNs)],
      ...[formatAmount(change), formatAmount(balanceAfter)],
      arrived.has(message) ? "" : "lost",
    ];
  });
}

const holderOf = ({ participantCode, accountType }: HardAccount["account"]): string =>
  `${participantCode} ${accountType}`;

function arrivalCells(delivery: HardDelivery): Row {
  if (delivery.kind === "feed-opened") {
    const { connection, continues } = delivery;
    return ["opened", connection, "", continues === null ? "" : `continues ${continues}`];
  }
  const on = delivery.kind === "webhook" ? "" : delivery.connection;
  if (delivery.kind === "feed-frame" && delivery.listed !== null) {
    const listed = delivery.listed.map(({ account, balance }) => {
      return `${holderOf(account)} ${formatAmount(balance)}`;
    });
    return ["snapshot", on, "", listed.join(", ") || "nobody"];
  }
  if (delivery.kind !== "webhook" && delivery.kind !== "feed-frame")
    return [delivery.kind, on, "", ""];
  const report = delivery.message?.report;
  if (report === undefined) return [delivery.kind, on, "", ""];
  const { account, run, balanceAfter } = report;
  const what = delivery.kind === "webhook" ? "webhook" : `frame ${delivery.frame}`;
  return [what, on, holderOf(account), `run ${run.runId}: ${formatAmount(balanceAfter)}`];
}

function tableLines(rows: readonly Row[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((cells) => cells[at]?.length ?? 0)),
  );
  return rows.map((cells) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
