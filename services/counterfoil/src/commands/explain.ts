import type { Backends } from "@counterfoil/adapters/connect";
import {
  EXPLAINED,
  type ExplainedDelivery,
  type ExplainedKind,
  type Explanation,
  explainedKind,
} from "@counterfoil/contracts/audit";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { NothingThere } from "@counterfoil/processing/operator";
import { stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import { type Explained, explain } from "@counterfoil/processing/queries/explain/explain";
import { TooFarBack } from "@counterfoil/processing/queries/explain/take-back";
import { Command } from "commander";
import { WrongUsage } from "../error-report.ts";
import { print, printJson } from "../output/print.ts";
import {
  JSON_OPTION,
  type JsonOption,
  lastPositionOf,
  POINT_HELP,
  type Point,
  parsePoint,
  stuckAfterSeconds,
  withLedger,
  withModels,
} from "./context.ts";

type ExplainOptions = JsonOption & Readonly<{ at?: Point; cursor?: string }>;

export function explainCommand(): Command {
  return new Command("explain")
    .description(
      "why something is shown as it is: its facts, what the rules decided, the signed bytes",
    )
    .argument("<kind>", `${EXPLAINED.join(", ")}; may be left out where the id is plain`)
    .argument("[id]", "as it is shown; of an entry the event id of its report")
    .option("--at <point>", "by the facts recorded up to there", parsePoint)
    .option("--cursor <cursor>", "go on to older facts, as the page before ended")
    .option(...JSON_OPTION)
    .addHelpText("after", HELP)
    .action(async (first: string, second: string | undefined, options: ExplainOptions) => {
      const [kinds, id] = second === undefined ? [KINDS, first] : [[kindOf(first)], second];
      await withLedger("read", async (backends) => {
        const explained = await explainAmong(backends, kinds, id, options);
        if (options.json) printJson(explained);
        else print(renderExplanation(explained));
      });
    });
}

/** Those that an id may be of; `account` is another word for `balance`. */
const KINDS = EXPLAINED.filter((kind) => kind !== "account");

function kindOf(word: string): ExplainedKind {
  const read = explainedKind.safeParse(word);
  if (read.success) return read.data;
  const meant = EXPLAINED.find((kind) => kind.startsWith(word.slice(0, 2).toLowerCase()));
  const guess = meant === undefined ? "" : `; did you mean ${meant}?`;
  throw new WrongUsage(`"${word}" is no kind: expected one of ${EXPLAINED.join(", ")}${guess}`);
}

/** The one of these kinds of which there is such an id. @throws WrongUsage, NothingThere */
async function explainAmong(
  backends: Backends,
  kinds: readonly ExplainedKind[],
  id: string,
  options: ExplainOptions,
) {
  const found: Extract<Explained, { outcome: "found" }>[] = [];
  for (const kind of kinds) {
    const explained = await explainOne(backends, kind, id, options);
    if (explained.outcome === "found") found.push(explained);
    if (explained.outcome === "ambiguous") throw severalRecords(id, explained.candidates);
    if (explained.outcome === "invalid_cursor" && kinds.length === 1) {
      throw new WrongUsage("--cursor: it was not given out for this: begin without one");
    }
  }
  const [one, other] = found;
  if (one === undefined) throw nothingThere(kinds, id, options);
  if (other === undefined) return one.record;
  const names = found.map(({ record }) => record.kind).join(", ");
  throw new WrongUsage(`"${id}" is the id of several things: say which, ${names}`);
}

function nothingThere(kinds: readonly ExplainedKind[], id: string, { at }: ExplainOptions) {
  const then = at === undefined ? "" : " by the facts up to --at";
  const what = `there is no ${kinds.join(", ")} "${id}"${then}`;
  return new NothingThere(
    `${what}: ids are as HTTP shows them, of an entry the event id of its report`,
  );
}

const severalRecords = (id: string, candidates: readonly string[]) =>
  new WrongUsage(`"${id}" stands for several: name one by its own id: ${candidates.join(", ")}`);

async function explainOne(
  backends: Backends,
  kind: ExplainedKind,
  id: string,
  { at, cursor }: ExplainOptions,
): Promise<Explained> {
  const { stream, hashing, clock } = backends;
  const moment = at === undefined ? {} : { at_position: await lastPositionOf(stream, at) };
  const query = {
    ...{ kind, id, limit: FACTS_MAX, platform: null, standings: null, hashing, moment },
    ...{ translations: TRANSLATIONS, rule: stuckRule(clock.now(), stuckAfterSeconds()) },
    ...(cursor === undefined ? {} : { cursor }),
    nextTurn: clock.nextTurn,
  };
  try {
    return await withModels(backends, (models) => explain({ stream, models }, query));
  } catch (error) {
    throw error instanceof TooFarBack ? new WrongUsage(error.message) : error;
  }
}

const FACTS_MAX = 100;

const HELP = `
${POINT_HELP}
Roles: decides (without the fact something else would be shown), confirms (a gap would open, or the
status change), repeats and superseded (nothing would change). They are found by asking the rules.

Examples:
  $ counterfoil explain zerohash:DEF456:ABC123:general:available:BTC
  $ counterfoil explain run 85693 --json
  $ counterfoil explain balance zerohash:DEF456:ABC123:general:available:BTC --at 120000`;

/**
 * An explanation as a tree: what is shown, its facts, and under each the deliveries that stated it;
 * what a delivery is stands where it comes first.
 */
export function renderExplanation(explanation: Explanation): string {
  const { kind, id, position, shown, facts, arithmetic, next_cursor } = explanation;
  const lines = arithmetic.map(({ line }) => `   ${line}`);
  return [
    `${kind} ${id}, by the facts up to position ${position}`,
    ...shownLines(shown),
    ...(facts.length === 0 ? ["no fact is kept of it"] : treeOf(explanation)),
    ...(lines.length === 0 ? [] : ["arithmetic, the newest first:", ...lines]),
    ...(next_cursor === null ? [] : [`older facts: --cursor ${next_cursor}`]),
  ].join("\n");
}

function treeOf({ facts, deliveries }: Explanation): string[] {
  const byId = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  const told = new Set<string>();
  return facts.flatMap(({ role, sentence, type, position, event_id, delivery_ids }, at) => {
    const isLast = at === facts.length - 1;
    const below = isLast ? "   " : "│  ";
    const stated = delivery_ids.flatMap((delivery) => byId.get(delivery) ?? []);
    return [
      ...wrapped(`${role}: ${sentence}`, isLast ? "└─ " : "├─ ", below),
      `${below}${type} at ${position}, ${event_id}`,
      ...stated.flatMap((delivery, index) => {
        const isEnd = index === stated.length - 1;
        const text = told.has(delivery.id)
          ? `delivery ${delivery.id}, as above`
          : deliveryText(delivery);
        told.add(delivery.id);
        return wrapped(
          text,
          `${below}${isEnd ? "└─ " : "├─ "}`,
          `${below}${isEnd ? "   " : "│  "}`,
        );
      }),
    ];
  });
}

/** Columns of a screen. */
const WIDTH = 100;

/** A text in lines of a screen's width, the first behind one beginning, the others behind another. */
function wrapped(text: string, first: string, others: string): string[] {
  const lines = [first];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    const isBegun = line !== first && line !== others;
    if (isBegun && line.length + 1 + word.length > WIDTH) lines.push(others + word);
    else lines[lines.length - 1] = isBegun ? `${line} ${word}` : line + word;
  }
  return lines;
}

/** What is one value, in one line each; lists and parts are in the JSON. */
function shownLines(shown: Explanation["shown"]): string[] {
  if (shown === null) return ["   nothing is shown of it"];
  return Object.entries(shown)
    .filter(([name, value]) => name !== "id" && value !== null && typeof value !== "object")
    .map(([name, value]) => `   ${name.replaceAll("_", " ")}: ${value}`);
}

const SIGNATURES: Readonly<Record<ExplainedDelivery["signature"], string>> = {
  valid: "signature valid",
  stale: "signature valid, its time too far from ours",
  unsigned: "not signed",
  none: "a channel without signatures",
};

function deliveryText(delivery: ExplainedDelivery): string {
  const { id, channel, payload_type, connection, frame, received_at } = delivery;
  const place = connection === null ? payload_type : `${connection}, frame ${frame}`;
  const { signature, scheme, key_id, body_sha256 } = delivery;
  const checked = [scheme, key_id && `key ${key_id.slice(0, 16)}`].filter(Boolean).join(", ");
  const verdict = `${SIGNATURES[signature]}${checked === "" ? "" : ` (${checked})`}`;
  const bytes =
    body_sha256 === null ? "its bytes name others" : `bytes ${body_sha256}${goneWords(delivery)}`;
  return `delivery ${id} over the ${channel} (${place}) at ${received_at}: ${verdict}; ${bytes}`;
}

function goneWords({ body, erased }: ExplainedDelivery): string {
  if (erased === null) return body === "gone" ? ", which are gone" : "";
  const { actor, erased_at, note } = erased;
  return `, which ${actor} erased at ${erased_at}: ${note}`;
}
