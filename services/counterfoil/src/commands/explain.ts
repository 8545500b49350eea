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
import { TooFarBack } from "@counterfoil/processing/queries/explain/unwind";
import { Command } from "commander";
import { WrongUsage } from "../error-report.ts";
import { print, printJson } from "../output/print.ts";
import { readable } from "../output/visible.ts";
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
      "why a value is shown as it is: its facts, what the rules decided, the signed bytes",
    )
    .argument("<kind>", `${EXPLAINED.join(", ")}; may be omitted if the id is unambiguous`)
    .argument("[id]", "the id in the lists; for an entry, the event id of its report")
    .option("--at <point>", "use only the facts recorded up to this point", parsePoint)
    .option("--cursor <cursor>", "continue with older facts, from the cursor of the previous page")
    .option(...JSON_OPTION)
    .addHelpText("after", HELP)
    .action(async (first: string, second: string | undefined, options: ExplainOptions) => {
      const [kinds, id] = second === undefined ? [KINDS, first] : [[parseKind(first)], second];
      await withLedger("read", async (backends) => {
        const explained = await explainAmong(backends, kinds, id, options);
        if (options.json) printJson<"explain">(explained);
        else print(renderExplanation(explained));
      });
    });
}

/** The kinds that are tried if none is given; `account` is a synonym of `balance`. */
const KINDS = EXPLAINED.filter((kind) => kind !== "account");

function parseKind(text: string): ExplainedKind {
  const read = explainedKind.safeParse(text);
  if (read.success) return read.data;
  const similar = EXPLAINED.find((kind) => kind.startsWith(text.slice(0, 2).toLowerCase()));
  const hint = similar === undefined ? "" : `; did you mean ${similar}?`;
  throw new WrongUsage(`"${text}" is no kind: expected one of ${EXPLAINED.join(", ")}${hint}`);
}

/** Explains the record with this id, of one of these kinds. @throws WrongUsage, NothingThere */
async function explainAmong(
  backends: Backends,
  kinds: readonly ExplainedKind[],
  id: string,
  options: ExplainOptions,
) {
  const found: Extract<Explained, { outcome: "found" }>[] = [];
  let isCursorOfOther = false;
  for (const kind of kinds) {
    const explained = await explainOne(backends, kind, id, options);
    if (explained.outcome === "found") found.push(explained);
    if (explained.outcome === "ambiguous") throw ambiguousId(id, explained.candidates);
    // Of several kinds, one may be that of the cursor.
    if (explained.outcome === "invalid_cursor") isCursorOfOther = true;
  }
  const [one, other] = found;
  if (one === undefined && isCursorOfOther) {
    throw new WrongUsage("--cursor: it was not given out for this: begin without one");
  }
  if (one === undefined) throw notFound(kinds, id, options);
  if (other === undefined) return one.record;
  const names = found.map(({ record }) => record.kind).join(", ");
  throw new WrongUsage(`"${id}" is the id of several things: say which, ${names}`);
}

function notFound(kinds: readonly ExplainedKind[], id: string, { at }: ExplainOptions) {
  const limit = at === undefined ? "" : " by the facts up to --at";
  const what = `there is no ${kinds.join(", ")} "${id}"${limit}`;
  return new NothingThere(
    `${what}: ids are as HTTP shows them, of an entry the event id of its report`,
  );
}

const ambiguousId = (id: string, candidates: readonly string[]) =>
  new WrongUsage(
    `"${id}" stands for several: name one by its own id: ${readable(candidates).join(", ")}`,
  );

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
Roles: decides (without the fact another value would be shown), confirms (a gap would open, or the
status would change), repeats and superseded (nothing would change). They are found by applying the
rules without the fact.

Examples:
  $ counterfoil explain zerohash:DEF456:ABC123:general:available:BTC
  $ counterfoil explain run 85693 --json
  $ counterfoil explain balance zerohash:DEF456:ABC123:general:available:BTC --at 120000`;

/**
 * Renders an explanation as a tree: the shown value, its facts, and under each fact its deliveries. A
 * delivery is described where it appears first.
 */
export function renderExplanation(given: Explanation): string {
  const explanation = readable(given);
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
  const described = new Set<string>();
  return facts.flatMap(({ role, sentence, type, position, event_id, delivery_ids }, at) => {
    const isLast = at === facts.length - 1;
    const below = isLast ? "   " : "│  ";
    const stated = delivery_ids.flatMap((delivery) => byId.get(delivery) ?? []);
    return [
      ...wrapped(`${role}: ${sentence}`, isLast ? "└─ " : "├─ ", below),
      `${below}${type} at ${position}, ${event_id}`,
      ...stated.flatMap((delivery, index) => {
        const isEnd = index === stated.length - 1;
        const text = described.has(delivery.id)
          ? `delivery ${delivery.id}, as above`
          : deliveryText(delivery);
        described.add(delivery.id);
        return wrapped(
          text,
          `${below}${isEnd ? "└─ " : "├─ "}`,
          `${below}${isEnd ? "   " : "│  "}`,
        );
      }),
    ];
  });
}

const LINE_WIDTH = 100;

/** Wraps a text, with one prefix for the first line and another for the others. */
function wrapped(text: string, first: string, others: string): string[] {
  const lines = [first];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    const isBegun = line !== first && line !== others;
    if (isBegun && line.length + 1 + word.length > LINE_WIDTH) lines.push(others + word);
    else lines[lines.length - 1] = isBegun ? `${line} ${word}` : line + word;
  }
  return lines;
}

/** One line for each simple value; lists and nested values are only in the JSON. */
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
    body_sha256 === null ? "its bytes name others" : `bytes ${body_sha256}${goneText(delivery)}`;
  return `delivery ${id} over the ${channel} (${place}) at ${received_at}: ${verdict}; ${bytes}`;
}

function goneText({ body, erased }: ExplainedDelivery): string {
  if (erased === null) return body === "gone" ? ", which are gone" : "";
  const { actor, erased_at, note } = erased;
  return `, which ${actor} erased at ${erased_at}: ${note}`;
}
