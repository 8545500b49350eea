import type { Backends } from "@counterfoil/adapters/connect";
import { counted } from "@counterfoil/core/exact/text";
import {
  ALWAYS_OUT_OF_REACH,
  type Erasable,
  type ErasureTarget,
  eraseBodies,
  findErasable,
  isShared,
} from "@counterfoil/processing/erasure";
import type { OutOfReach } from "@counterfoil/processing/ports/event-stream";
import { Command, InvalidArgumentError } from "commander";
import { EXIT, WrongUsage } from "../error-report.ts";
import { print, printJson, renderTable, withProgress } from "../output/print.ts";
import {
  ACTOR_OPTION,
  type ActorOptions,
  actorOf,
  JSON_OPTION,
  type JsonOption,
  NOTE_OPTION,
  untilInterrupted,
  withLedger,
  withRecordedAction,
} from "./context.ts";

type EraseOptions = JsonOption &
  ActorOptions &
  Readonly<{ participant?: string; shared?: boolean; yes?: boolean }>;

export function eraseCommand(): Command {
  return new Command("erase")
    .description("remove the bytes of a delivery, or of all that name a participant")
    .argument("[delivery-id]", "the delivery")
    .option("--participant <code>", "the bytes of every delivery that names it", parseCode)
    .option("--shared", "also bytes that name others too, or that cannot be read")
    .option("--yes", "erase; without it, the deliveries are only listed")
    .requiredOption(...NOTE_OPTION)
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .addHelpText("after", HELP)
    .action(async (deliveryId: string | undefined, options: EraseOptions) => {
      const { participant, shared = false, yes = false, json = false, ...by } = options;
      const target = targetOf(deliveryId, participant);
      const actor = actorOf(by);
      const listed = await withLedger("read", (backends) => list(backends, target));
      if (!json) printListed(listed);
      const isRecorded = listed.deliveries > 0;
      const done = yes ? await erase(target, { ...by, actor, shared, isRecorded }) : null;
      if (json) printJson<"erase">({ target: nameOf(target), listed, done });
      else if (done !== null) printDone(done);
      if (!json && !yes) print("Nothing was erased: say --yes to erase it.");
      const left = done === null ? listed.deliveries : done.kept + listed.needed;
      if (left > 0) process.exitCode = EXIT.findings;
    });
}

function targetOf(deliveryId: string | undefined, participant: string | undefined): ErasureTarget {
  if (deliveryId !== undefined && participant === undefined) return { deliveryId };
  if (deliveryId === undefined && participant !== undefined) return { participant };
  throw new WrongUsage("expected either a delivery's id or --participant: what is to be erased?");
}

const nameOf = (target: ErasureTarget): string =>
  "participant" in target ? target.participant : target.deliveryId;

function parseCode(text: string): string {
  if (text.trim() === text && text !== "") return text;
  throw new InvalidArgumentError("expected a participant's code");
}

/** The number of deliveries with stored bytes, and the first of them. */
type Listed = Readonly<{
  deliveries: number;
  /** Those that name others too, or cannot be read. */
  shared: number;
  /** Those with facts that are not recorded yet. */
  needed: number;
  first: readonly Erasable[];
}>;

const LISTED_MAX = 1000;

async function list({ stream, hashing }: Backends, target: ErasureTarget): Promise<Listed> {
  const found: Erasable[] = [];
  const counts = { deliveries: 0, shared: 0, needed: 0 };
  await forEachPage({ stream, hashing }, target, "look", async (page) => {
    counts.deliveries += page.length;
    counts.shared += page.filter(isShared).length;
    counts.needed += page.filter(({ is_needed }) => is_needed).length;
    found.push(...page.slice(0, LISTED_MAX - found.length));
  });
  return { ...counts, first: found };
}

type Done = Readonly<{ erased: number; kept: number; out_of_reach: readonly OutOfReach[] }>;

/**
 * Erases page by page: the bytes of a page are removed before the next page is recorded as erased.
 *
 * @param by.isRecorded false if nothing was found: a name that the ledger does not know, say one mistyped
 * or of a person, must not get into it
 */
async function erase(
  target: ErasureTarget,
  by: Readonly<{ note: string; actor: string; shared: boolean; isRecorded: boolean }>,
): Promise<Done> {
  const { note, actor, shared } = by;
  const action = { action: "erase", target: nameOf(target), actor } as const;
  const run = (work: (backends: Backends) => Promise<Done>) =>
    by.isRecorded ? withRecordedAction(action, work) : withLedger("write", work);
  return run(async (backends) => {
    const options = { ...backends, note, actor };
    let erased = 0;
    let kept = 0;
    await forEachPage(options, target, "erase", async (page) => {
      const chosen = page.filter((each) => !each.is_needed && (shared || !isShared(each)));
      kept += page.filter((each) => !shared && isShared(each)).length;
      if (chosen.length > 0) erased += (await eraseBodies(options, chosen)).erased;
    });
    // Even if nothing was left to erase: an earlier run may have been stopped between the two steps.
    const { outOfReach } = await eraseBodies(options, []);
    return { erased, kept, out_of_reach: [...outOfReach, ...ALWAYS_OUT_OF_REACH] };
  });
}

/** Runs the work for each page; SIGINT stops it between two pages. */
async function forEachPage(
  options: Pick<Backends, "stream" | "hashing">,
  target: ErasureTarget,
  what: string,
  work: (page: readonly Erasable[]) => Promise<void>,
): Promise<void> {
  await untilInterrupted(
    (signal) =>
      withProgress(what, async (onProgress) => {
        const pages = findErasable({ ...options, signal, onProgress }, target);
        for await (const page of pages) await work(page);
      }),
    "stopped: what was erased stays so; run it again for the rest",
  );
}

function printListed({ deliveries, shared, needed, first }: Listed): void {
  if (deliveries === 0) {
    print("No bytes of it are stored.");
    return;
  }
  const columns = [
    { title: "delivery" },
    { title: "position", align: "right" },
    { title: "bytes", align: "right" },
    { title: "names also" },
  ] as const;
  const rows = first.map((each) => [each.delivery_id, each.position, each.length, namesIn(each)]);
  print(renderTable(columns, rows));
  if (deliveries > first.length) print(`  … and ${deliveries - first.length} more`);
  const all = counted(deliveries, "delivery", "deliveries");
  print(`\n${all}. Naming others too, or unreadable: ${shared}.`);
  if (needed > 0) {
    print(`Not recorded completely, and left: ${needed}; an ingestor that starts completes them.`);
  }
}

const NAMES_MAX = 5;

function namesIn({ others, is_needed }: Erasable): string {
  if (is_needed) return "(not recorded completely)";
  if (others === null) return "(cannot be read)";
  const more = others.length > NAMES_MAX ? ` and ${others.length - NAMES_MAX} more` : "";
  return `${others.slice(0, NAMES_MAX).join(", ")}${more}`;
}

function printDone({ erased, kept, out_of_reach }: Done): void {
  print(`\n${counted(erased, "body", "bodies")} erased.`);
  if (kept > 0) {
    const all = counted(kept, "delivery", "deliveries");
    print(`Kept for naming others too: ${all}; say --shared to erase them.`);
  }
  print("\nThe bytes may lie still where this command does not reach:");
  for (const { where, until } of out_of_reach) print(`  - ${where}: until ${until}`);
}

const HELP = `
What was read from the bytes stays: amounts, ids, statuses, and who the participant is. Hashes, signed
heads and proofs stay as they are. The note is recorded for good: name no person in it.

Ends with 1 where something is left: without --yes, without --shared where bytes name others too, or
where a delivery is not recorded completely. Stopped in between, run it again.

Examples:
  $ counterfoil erase 0d0f… --note "request 4711" --yes
  $ counterfoil erase --participant DEF456 --note "request 4711" --yes --shared`;
