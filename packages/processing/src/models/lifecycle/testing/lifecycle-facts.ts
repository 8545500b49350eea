import type { FactOf, ProviderFact, ProviderFactType } from "@counterfoil/contracts/fact";
import type { Provider } from "@counterfoil/contracts/scalar";
import { zeroHashAccountId } from "@counterfoil/core/account";
import { parseTime } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { initialFactState } from "@counterfoil/core/ingest/fact-state";
import { factIdOf, type LifecycleFact } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";

/** Facts for tests: from a provider's payload, single ones, and from aligned text. */

/** Not SHA-256: the projections only compare two contents for equality. */
function digestOf(data: Uint8Array | string): string {
  let [low, high] = [0x811c9dc5, 0x01000193];
  for (const unit of typeof data === "string" ? new TextEncoder().encode(data) : data) {
    low = Math.imul(low ^ unit, 0x01000193) >>> 0;
    high = Math.imul(high + unit, 0x85ebca6b) >>> 0;
  }
  return (low.toString(16).padStart(8, "0") + high.toString(16).padStart(8, "0")).repeat(4);
}

const hashing: Hashing = { sha1: digestOf, sha256: digestOf };

export function factOf({ type, data }: ProviderFact, position = 1): LifecycleFact {
  return { id: factIdOf(type, data), type, state: initialFactState(data, position, null) };
}

const factsOf = (facts: readonly ProviderFact[]): LifecycleFact[] =>
  facts.map((fact, at) => factOf(fact, at + 1));

type Delivered = Readonly<{
  payloadType: string;
  body: unknown;
  provider?: Provider;
  frame?: number;
  receivedAt?: string;
}>;

/** The facts in a delivery of a provider, by the current translation. */
export function delivered({ payloadType, body, provider, frame, receivedAt }: Delivered) {
  const source = {
    provider: provider ?? "zerohash",
    channel: frame === undefined ? ("webhook" as const) : ("feed" as const),
    payloadType: frame === undefined ? payloadType : "feed",
    text: JSON.stringify(body),
    place: frame === undefined ? null : { connection: CONNECTION, frame },
    receivedAt: parseTime(receivedAt ?? LONG_AFTER) ?? 0n,
  };
  const reading = TRANSLATIONS.versions[TRANSLATIONS.present]?.(source, hashing);
  if (!reading?.ok) throw new TypeError(`unreadable: ${reading?.reason} ${reading?.detail}`);
  return factsOf(reading.facts).filter(({ type }) => type !== "RunRecorded");
}

/** An arrival later than every stated time. */
const LONG_AFTER = "2030-01-01T00:00:00Z";

const CONNECTION = "c1";

type Row = Readonly<Record<string, string>>;

/** Rows of an aligned table; the first line names the columns, and `-` omits a column. */
export function rowsOf(table: string): Row[] {
  const [names = [], ...rows] = table
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  return rows.map((cells) =>
    Object.fromEntries(
      names.flatMap((name, at) => (cells[at] === "-" ? [] : [[name, cells[at] ?? ""]])),
    ),
  );
}

/** Columns: at, run, account (its type), type, change, movement; request, not_before, label, asset. */
export function movementFacts(table: string, { reported = true } = {}): LifecycleFact[] {
  const facts = new Map<string, LifecycleFact>();
  for (const row of rowsOf(table)) {
    for (const data of reported ? [movementFact(row), reportFact(row)] : [movementFact(row)]) {
      const fact = factOf(data, facts.size + 1);
      if (!facts.has(fact.id)) facts.set(fact.id, fact);
    }
  }
  return [...facts.values()];
}

const accountOf = ({ account = "available", label = "general", asset = "BTC" }: Row): string =>
  zeroHashAccountId({
    participant_code: "DEF456",
    account_group: "ABC123",
    account_label: label,
    account_type: account,
    asset,
  });

const dayTime = (time: string | undefined): string | undefined =>
  time === undefined ? undefined : `2024-05-01T${time}Z`;

function movementFact(row: Row): FactOf<"MovementRecorded"> {
  return fact("MovementRecorded", {
    account: accountOf(row),
    movement_id: row.movement,
    movement_type: row.type,
    change: row.change,
    run_id: row.run,
    run_type: "withdrawal",
    occurred_at: dayTime(row.at),
    withdrawal_request_id: row.request,
    deposit_reference_id: row.reference,
  });
}

function reportFact(row: Row): FactOf<"BalanceReported"> {
  return fact("BalanceReported", {
    account: accountOf(row),
    run_id: row.run,
    run_type: "withdrawal",
    occurred_at: dayTime(row.at),
    not_before: dayTime(row.not_before),
  });
}

/** A fact of Zero Hash with the fields that all facts have; undefined keys are omitted. */
export function fact<Type extends ProviderFactType>(
  type: Type,
  data: Readonly<Record<string, unknown>>,
): FactOf<Type> {
  const whole = { provider: "zerohash", received_at: LONG_AFTER, translation: 1, ...data };
  const kept = Object.entries(whole).filter(([, value]) => value !== undefined);
  return { type, data: Object.fromEntries(kept) } as unknown as FactOf<Type>;
}

/** A status fact, whose `content` is the digest of its data. */
export function statusFact(
  type: ProviderFactType,
  data: Readonly<Record<string, unknown>>,
): LifecycleFact {
  const content = digestOf(JSON.stringify(data));
  return factOf(fact(type, { content, ...data }));
}

export const byId = <Item extends { id: string }>(items: readonly Item[]) =>
  [...items].sort((a, b) => (a.id < b.id ? -1 : 1));
