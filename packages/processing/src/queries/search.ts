import type { SearchHit } from "@counterfoil/contracts/http";
import { RECORDS } from "../models/lifecycle/tables.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Rows } from "../ports/model-store.ts";
import { findInModels } from "./anomalies.ts";
import { type DeliveryQuery, partOfDelivery } from "./deliveries.ts";
import { findRow } from "./lifecycles.ts";
import type { Platform } from "./platform.ts";
import { HITS_MAX, searchAccounts } from "./search-accounts.ts";
import type { ServedModels } from "./serving.ts";
import { LIFECYCLE_MODELS, type LifecycleModel, type StuckRule } from "./stuck.ts";

export type SearchSources = Readonly<{
  models: Pick<ServedModels, "snapshot">;
  stream: EventStream;
}>;

export type SearchQuery = DeliveryQuery &
  Readonly<{
    /** An identifier as somebody has it before him; whole, but for an account's, which may be cut. */
    text: string;
    rule: StuckRule;
    platform: Platform;
  }>;

/**
 * What an identifier stands for, of any kind and for any model. Each kind is a few look-ups in an index,
 * whatever the identifier has: a run on 100,000 accounts is found by one of them.
 *
 * @returns what is called so itself before what it only finds; nothing where nothing is
 */
export async function search(
  { models, stream }: SearchSources,
  query: SearchQuery,
): Promise<readonly SearchHit[]> {
  const { text, platform } = query;
  const [accounts, ...found] = await Promise.all([
    models.snapshot("balances", (rows) => searchAccounts(rows, text, platform)),
    ...LIFECYCLE_MODELS.map((model) =>
      models.snapshot(model, (rows) => searchRecords(rows, model, query)),
    ),
    searchStream(stream, query),
    searchAnomalies(models, query),
  ]);
  const hits = [...(accounts ?? []), ...found.flat()];
  return [...hits.filter(isItself), ...hits.filter((hit) => !isItself(hit))];
}

const isItself = ({ matched }: SearchHit): boolean => matched === "id";

const KINDS = { withdrawals: "withdrawal", deposits: "deposit", trades: "trade" } as const;

async function searchRecords(
  rows: Rows,
  model: LifecycleModel,
  { text: id, platform }: SearchQuery,
): Promise<readonly SearchHit[]> {
  const row = await findRow(rows, { model, id, platform });
  if (row.outcome === "missing") return [];
  const candidates = row.outcome === "found" ? [String(row.record.id)] : row.candidates;
  const hits: SearchHit[] = [];
  for (const own of candidates.slice(0, HITS_MAX)) {
    const record = await rows.get(RECORDS, [own]);
    const words = [KINDS[model], record?.asset, record?.stage];
    hits.push({
      kind: KINDS[model],
      id: own,
      title: words.filter((word) => typeof word === "string").join(", "),
      matched: own === id ? "id" : "identifier",
      path: `/${model}/${encodeURIComponent(own)}`,
    });
  }
  return hits;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const POSITION = /^[1-9]\d{0,14}$/;

/** Our own ids are written in lower case; providers' are opaque. */
async function searchStream(
  stream: EventStream,
  query: SearchQuery,
): Promise<readonly SearchHit[]> {
  const { text, standings } = query;
  const isPosition = POSITION.test(text);
  if (!isPosition && !UUID.test(text)) return [];
  const id = text.toLowerCase();
  const event = isPosition
    ? (await stream.read({ after: Number(text) - 1, limit: 1 })).at(0)
    : (await stream.findByIds([id])).known.get(id)?.event;
  if (event === undefined || (isPosition && event.position !== Number(text))) return [];
  const matched = isPosition ? "position" : "id";
  const title = `${event.type} at position ${event.position}`;
  if (event.type === "DeliveryReceived") {
    if ((await partOfDelivery(stream, event, query)) === "outside") return [];
    return [{ kind: "delivery", id: event.id, title, matched, path: `/deliveries/${event.id}` }];
  }
  const [standing] = (await standings?.ofEvents(stream, [event])) ?? ["inside"];
  if (standing !== "inside") return [];
  return [{ kind: "event", id: event.id, title, matched, path: `/events/${event.position}` }];
}

async function searchAnomalies(
  models: SearchSources["models"],
  { text: id, rule, platform }: SearchQuery,
): Promise<readonly SearchHit[]> {
  // Each begins with its kind and names its subject.
  if (!id.includes(":")) return [];
  const found = await findInModels(models, { id, rule, platform });
  if (found === null) return [];
  const { kind, subject } = found.record;
  const title = `${kind} of ${subject}`;
  return [
    { kind: "anomaly", id, title, matched: "id", path: `/anomalies/${encodeURIComponent(id)}` },
  ];
}
