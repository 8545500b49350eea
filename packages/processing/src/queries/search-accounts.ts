import type { SearchHit } from "@counterfoil/contracts/http";
import {
  accountIdsOf,
  accountParts,
  isAccountOf,
  layer1AccountId,
} from "@counterfoil/core/account";
import { ACCOUNT_IDS, ACCOUNTS, ENTRIES, MOVEMENTS } from "../models/balances/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Condition, Row } from "../ports/table.ts";
import { beginsWith } from "./page.ts";
import { accountsAmong, type Platform } from "./platform.ts";
import { everyTotal } from "./totals.ts";

/** How many of one kind are offered: whoever has more before him asks a list. */
export const HITS_MAX = 5;

/** What the balances model knows by an identifier: accounts, who they belong to, runs and movements. */
export async function searchAccounts(
  rows: Rows,
  text: string,
  platform: Platform,
): Promise<readonly SearchHit[]> {
  return [
    ...(await byOwnId(rows, text, platform)),
    ...(await byProvidersId(rows, text, platform)),
    ...(await runsCalled(rows, text, platform)),
    ...(await movementsCalled(rows, text, platform)),
    ...(await ownersCalled(rows, text, platform)),
    ...(await byAddress(rows, text, platform)),
  ];
}

const equal = (column: string, value: string): Condition => ({ column, is: "=", value });

/** Also by its beginning, where all that begin so are there for who asks. */
async function byOwnId(rows: Rows, text: string, platform: Platform): Promise<SearchHit[]> {
  if (!OWN_ID.test(text)) return [];
  const own = await rows.get(ACCOUNTS, [text]);
  if (own !== null) {
    const isSeen = platform === null || isAccountOf(text, platform);
    return isSeen ? [accountHit(text, "id")] : [];
  }
  const [owned = ""] = platform === null ? [] : (accountIdsOf(platform)[0] ?? []);
  return text.startsWith(owned) ? accountsBeginning(rows, text, "id_prefix") : [];
}

/** What our ids are made of, see core/account.ts. */
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

/** An address holds several assets, each in several funds. No platform is told of Layer1's. */
async function byAddress(rows: Rows, text: string, platform: Platform): Promise<SearchHit[]> {
  if (platform !== null) return [];
  const ofNothing = layer1AccountId(text, "", "");
  return accountsBeginning(rows, ofNothing.slice(0, -1), "address");
}

async function accountsBeginning(
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
async function runsCalled(rows: Rows, text: string, platform: Platform): Promise<SearchHit[]> {
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

/** One movement may stand on two accounts, of one run. */
async function movementsCalled(rows: Rows, text: string, platform: Platform): Promise<SearchHit[]> {
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

async function ownersCalled(rows: Rows, text: string, platform: Platform): Promise<SearchHit[]> {
  const hits: SearchHit[] = [];
  for (const [kind, column] of OWNERS) {
    if (!(await hasAccounts(rows, column, text, platform))) continue;
    const title = column === "participant_code" ? `accounts of ${text}` : `accounts in ${text}`;
    const path = `/accounts?${column}=${encodeURIComponent(text)}`;
    hits.push({ kind, id: text, title, matched: column, path });
  }
  return hits;
}

/** A participant may have a million accounts, none of them the platform's: totals tell it at once. */
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
