import type { SearchHit } from "@counterfoil/contracts/http";
import { LIFECYCLE_MODELS, type LifecycleModel } from "@counterfoil/contracts/record";
import {
  accountIdsOf,
  accountParts,
  isAccountOf,
  layer1AccountId,
} from "@counterfoil/core/account";
import { ACCOUNT_IDS, ACCOUNTS, ENTRIES, MOVEMENTS } from "../models/balances/tables.ts";
import { RECORDS } from "../models/lifecycle/tables.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Condition, Row, Rows } from "../ports/model-store.ts";
import { findInModels } from "./anomalies.ts";
import type { StuckRule } from "./anomaly-record.ts";
import { beginsWith } from "./answers.ts";
import { type DeliveryQuery, partOfDelivery } from "./deliveries.ts";
import { findRow } from "./lifecycles.ts";
import { accountsAmong, type Platform } from "./platform.ts";
import type { ServedModels } from "./serving.ts";
import { everyTotal } from "./totals.ts";

type SearchSources = Readonly<{
  models: Pick<ServedModels, "snapshot">;
  stream: EventStream;
}>;

type Found = Readonly<{
  hits: readonly SearchHit[];
  /** The lowest of the positions at which models were read: all facts up to it were searched. */
  position: number;
}>;

type SearchQuery = DeliveryQuery &
  Readonly<{
    /** The identifier to search for: complete, except that an account's may be a prefix. */
    text: string;
    rule: StuckRule;
    platform: Platform;
  }>;

/**
 * Searches all kinds of things in all models by an identifier. Each kind costs a few index lookups,
 * however many rows have the identifier: a run on 100,000 accounts is found by one of them.
 *
 * @returns matches by a thing's own id first, then the others; empty if nothing matches
 */
export async function search(
  { models: served, stream }: SearchSources,
  query: SearchQuery,
): Promise<Found> {
  const { text, platform } = query;
  let position = Number.POSITIVE_INFINITY;
  const models: SearchSources["models"] = {
    snapshot: (model, read) =>
      served.snapshot(model, (rows, checkpoint, generation) => {
        position = Math.min(position, checkpoint.position);
        return read(rows, checkpoint, generation);
      }),
  };
  const [accounts, ...found] = await Promise.all([
    models.snapshot("balances", (rows) => searchAccounts(rows, text, platform)),
    ...LIFECYCLE_MODELS.map((model) =>
      models.snapshot(model, (rows) => searchRecords(rows, model, query)),
    ),
    searchStream(stream, query),
    searchAnomalies(models, query),
  ]);
  const all = [...(accounts ?? []), ...found.flat()];
  return { hits: [...all.filter(isOwnId), ...all.filter((hit) => !isOwnId(hit))], position };
}

const isOwnId = ({ matched }: SearchHit): boolean => matched === "id";

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

/** Finds an event or a delivery. Our own ids are lower case, so the text is lowered for them. */
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
  // Every anomaly id begins with its kind and a colon.
  if (!id.includes(":")) return [];
  const found = await findInModels(models, { id, rule, platform });
  if (found === null) return [];
  const { kind, subject } = found.record;
  const title = `${kind} of ${subject}`;
  return [
    { kind: "anomaly", id, title, matched: "id", path: `/anomalies/${encodeURIComponent(id)}` },
  ];
}

/** Maximum number of hits of one kind; lists show all of them. */
const HITS_MAX = 5;

/** Searches the balances model: accounts, their owners, runs and movements. */
async function searchAccounts(
  rows: Rows,
  text: string,
  platform: Platform,
): Promise<readonly SearchHit[]> {
  return [
    ...(await byOwnId(rows, text, platform)),
    ...(await byProvidersId(rows, text, platform)),
    ...(await searchRuns(rows, text, platform)),
    ...(await searchMovements(rows, text, platform)),
    ...(await searchOwners(rows, text, platform)),
    ...(await byAddress(rows, text, platform)),
  ];
}

const equal = (column: string, value: string): Condition => ({ column, is: "=", value });

/** Finds accounts by our id, or by a prefix of it if all accounts with the prefix are visible. */
async function byOwnId(rows: Rows, text: string, platform: Platform): Promise<SearchHit[]> {
  if (!OWN_ID.test(text)) return [];
  const own = await rows.get(ACCOUNTS, [text]);
  if (own !== null) {
    const isSeen = platform === null || isAccountOf(text, platform);
    return isSeen ? [accountHit(text, "id")] : [];
  }
  const [owned = ""] = platform === null ? [] : (accountIdsOf(platform)[0] ?? []);
  return text.startsWith(owned) ? accountsWithPrefix(rows, text, "id_prefix") : [];
}

/** The syntax of our account ids, see core/account.ts. */
const OWN_ID = /^(?:zerohash|layer1):[\w.%:-]+$/;

async function byProvidersId(rows: Rows, text: string, platform: Platform): Promise<SearchHit[]> {
  const found = await rows.select(ACCOUNT_IDS, {
    where: [equal("account_id", text)],
    among: accountsAmong(platform, "account"),
    orderBy: ["account_id", "account"],
    limit: HITS_MAX,
  });
  return found.map(({ account }) => accountHit(String(account), "account_id"));
}

/**
 * An address holds several assets, each in several funds. Layer1 accounts are hidden from
 * platforms.
 */
async function byAddress(rows: Rows, text: string, platform: Platform): Promise<SearchHit[]> {
  if (platform !== null) return [];
  const emptyId = layer1AccountId(text, "", "");
  return accountsWithPrefix(rows, emptyId.slice(0, -1), "address");
}

async function accountsWithPrefix(
  rows: Rows,
  prefix: string,
  matched: SearchHit["matched"],
): Promise<SearchHit[]> {
  const where = beginsWith("id", prefix);
  const found = await rows.select(ACCOUNTS, { where, orderBy: ["id"], limit: HITS_MAX });
  return found.map(({ id }) => accountHit(String(id), matched));
}

function accountHit(id: string, matched: SearchHit["matched"]): SearchHit {
  const { asset, account_type, participant_code, address } = accountParts(id);
  const title = `${account_type} ${asset} of ${participant_code ?? address}`;
  return { kind: "account", id, title, matched, path: `/accounts/${encodeURIComponent(id)}` };
}

/** Runs of two providers may share an id. */
async function searchRuns(rows: Rows, text: string, platform: Platform): Promise<SearchHit[]> {
  const [, named, id = text] = /^(zerohash|layer1):(.+)$/s.exec(text) ?? [];
  const hits: SearchHit[] = [];
  for (const provider of named === undefined ? ["zerohash", "layer1"] : [named]) {
    const [entry] = await rows.select(ENTRIES, {
      where: [equal("run_id", id), ...beginsWith("account", `${provider}:`)],
      among: accountsAmong(platform, "account"),
      orderBy: ["run_id", "account"],
      limit: 1,
    });
    if (entry !== undefined) hits.push(runHit(entry, provider, id));
  }
  if (hits.length < 2) return hits;
  return hits.map((hit) => ({ ...hit, path: `/runs/${encodeURIComponent(hit.id)}` }));
}

function runHit({ run_type }: Row, provider: string, id: string): SearchHit {
  const title = `run ${id} of ${provider}${run_type === null ? "" : `, ${run_type}`}`;
  const path = `/runs/${encodeURIComponent(id)}`;
  return { kind: "run", id: `${provider}:${id}`, title, matched: "run_id", path };
}

/** One movement may be on two accounts of one run. */
async function searchMovements(rows: Rows, text: string, platform: Platform): Promise<SearchHit[]> {
  const found = await rows.select(MOVEMENTS, {
    where: [equal("movement_id", text)],
    among: accountsAmong(platform, "account"),
    orderBy: ["movement_id"],
    limit: HITS_MAX,
  });
  return found
    .filter(({ withdrawn }) => withdrawn === 0)
    .map(({ account, run_id, change }) => ({
      kind: "movement",
      id: text,
      title: `movement of ${change} on ${account}`,
      matched: "movement_id",
      path: `/runs/${encodeURIComponent(String(run_id))}`,
    }));
}

const OWNERS = [
  ["participant", "participant_code"],
  ["account_group", "account_group"],
] as const;

async function searchOwners(rows: Rows, text: string, platform: Platform): Promise<SearchHit[]> {
  const hits: SearchHit[] = [];
  for (const [kind, column] of OWNERS) {
    if (!(await hasAccounts(rows, column, text, platform))) continue;
    const title = column === "participant_code" ? `accounts of ${text}` : `accounts in ${text}`;
    const path = `/accounts?${column}=${encodeURIComponent(text)}`;
    hits.push({ kind, id: text, title, matched: column, path });
  }
  return hits;
}

/** Uses totals for a platform: a participant may have a million accounts, none of them visible. */
async function hasAccounts(
  rows: Rows,
  column: (typeof OWNERS)[number][1],
  code: string,
  platform: Platform,
): Promise<boolean> {
  if (platform === null || platform === code) {
    const where = [equal(column, code)];
    return (await rows.select(ACCOUNTS, { where, orderBy: [column], limit: 1 })).length > 0;
  }
  const [participant, group] = column === "participant_code" ? [code, platform] : [platform, code];
  const where = [equal("participant_code", participant), equal("account_group", group)];
  for await (const { count } of everyTotal(rows, where)) {
    if (count !== null && count.accounts > 0) return true;
  }
  return false;
}
