import type { ProviderFact } from "@counterfoil/contracts/fact";
import { canonicalJson, parseJson } from "../exact/json.ts";
import { cutText } from "../exact/text.ts";
import { formatTime } from "../exact/time.ts";
import type { Hashing } from "../hashing.ts";
import {
  readEnvelope,
  readLayer1Balance,
  readLayer1Deposit,
  readLayer1Notification,
  readLayer1Withdrawal,
} from "./layer1.ts";
import {
  checkLengths,
  quote,
  type Reading,
  type Source,
  type Stamp,
  type Translate,
  type Translations,
  Unreadable,
} from "./translation.ts";
import { readBalanceUpdate, readFrame } from "./zero-hash-balance.ts";
import {
  readDeposit,
  readFund,
  readNotification,
  readPayment,
  readPayout,
  readTrade,
} from "./zero-hash-lifecycle.ts";

type ZeroHashType = BodyType &
  Readonly<{ read: (value: unknown, stamp: Stamp, payloadType: string) => ProviderFact }>;

const PAYMENT_MARKS = ["payment_id", "payment_status", "payment_type", "payment_details"];
const FUND_MARKS = ["fund_id", "fund_asset", "fund_timestamp"];
const TRADE: ZeroHashType = { read: readTrade, marks: ["trade_id"] };

/** How the status payloads of Zero Hash are read, by payload type, and what shows a body of one. */
const ZERO_HASH: Readonly<Record<string, ZeroHashType>> = {
  "deposit.status_changed": { read: readDeposit, marks: ["deposit_id"] },
  payment_status_changed: { read: readPayment, marks: PAYMENT_MARKS },
  "payout.status_updated": { read: readPayout, marks: ["payout_id"] },
  deposit_fund_complete: { read: readFund, marks: FUND_MARKS },
  crypto_pay_status_changed: { read: readFund, marks: FUND_MARKS },
  "trade.status_changed": TRADE,
  trade_status_changed: TRADE,
};

/** All whose facts a model folds. */
export const ZERO_HASH_TYPES: Readonly<Record<string, BodyType>> = {
  "account_balance.changed": { marks: ["run_id"] },
  ...ZERO_HASH,
};

/** Types that Zero Hash lists and no model folds; anything else is unknown and quarantined. */
const ZERO_HASH_NOTIFICATIONS: ReadonlySet<string> = new Set([
  "participant_status_changed",
  "participant_status_updated",
  "participant_updated",
  "onboarding_status_updated",
  "participant_onboarding_status_updated",
  "external_account_status_changed",
  "asset_mover_update",
  "customer_account_status_changed",
  "trade_strategy.operation.status_changed",
  "trade_strategy.execution.status_changed",
  "trade_strategy.trader.created",
  "token_signature_request",
  "internal_account_status_changed",
  "deposit_received",
  "payout_initiated",
  "payout_completed",
  "connect_deposit.status_changed",
  "connect_withdrawal.status_changed",
  "unspecified",
]);

type Layer1Reader = (
  envelope: ReturnType<typeof readEnvelope>,
  stamp: Stamp,
) => ProviderFact | readonly ProviderFact[];

/** By event, in the one spelling that `layer1Event` gives. */
const LAYER1: Readonly<Record<string, Layer1Reader>> = {
  "layer1:crypto:deposit:status-change": readLayer1Deposit,
  "layer1:crypto:withdrawal:status-change": readLayer1Withdrawal,
  "layer1:crypto:balance:updated": readLayer1Balance,
  "layer1:crypto:consolidation:status-change": readLayer1Notification,
  "layer1:crypto:address:created": readLayer1Notification,
  "layer1:trade:conversion:created": readLayer1Notification,
  "layer1:trade:conversion:state-changed": readLayer1Notification,
  "layer1:trade:venue:address:created": readLayer1Notification,
  "layer1:trade:venue:withdrawal:created": readLayer1Notification,
  "layer1:trade:venue:withdrawal:state-changed": readLayer1Notification,
  "layer1:approval:request:vote-required": readLayer1Notification,
  "layer1:approval:request:status-changed": readLayer1Notification,
  "layer1:audit:api": readLayer1Notification,
  "layer1:audit:authentication": readLayer1Notification,
  "layer1:notification": readLayer1Notification,
  "layer1:treasury:notification": readLayer1Notification,
  "layer1:treasury:notice": readLayer1Notification,
};

/**
 * Raw text to facts. Version 2 reads owners and beneficiaries of payments, amounts apart from totals,
 * and statuses without a time. Version 3 reads a body of Zero Hash only as a type whose marks stand in
 * it, the payments of payouts, and nothing whose ids are too long to be keys. The versions before the
 * present one are there for deliveries that they left incomplete: those are balances.
 */
const version =
  (translation: number): Translate =>
  (source, hashing) =>
    readSource(source, hashing, translation);

export const TRANSLATIONS: Translations = {
  present: 3,
  versions: { 1: version(1), 2: version(2), 3: version(3) },
};

const LIMITED_SINCE = 3;
const DETAIL_MAX = 500;

function readSource(source: Source, hashing: Hashing, translation: number): Reading {
  if (source.text === null) {
    return { ok: false, reason: "not_utf8", detail: "the body is not UTF-8" };
  }
  const parsed = parseJson(source.text);
  if (!parsed.ok) {
    return { ok: false, reason: "not_json", detail: `${parsed.reason}, at ${parsed.at}` };
  }
  const others = othersOf(parsed.value, source);
  try {
    const read = readValue(parsed.value, source, hashing, translation);
    if (translation >= LIMITED_SINCE) for (const fact of read.facts) checkLengths(fact);
    return { ok: true, snapshot: false, ...read, ...others };
  } catch (error) {
    if (error instanceof Unreadable) {
      const detail = cutText(error.message, DETAIL_MAX);
      return { ok: false, reason: error.reason, detail, ...others };
    }
    throw error;
  }
}

/** Layer1's bodies name their type themselves, under the signature; so do the feed's frames. */
function othersOf(value: unknown, { provider, channel, payloadType }: Source) {
  if (provider !== "zerohash" || channel === "feed") return {};
  const types = otherTypes(value, payloadType, ZERO_HASH_TYPES);
  return types.length === 0 ? {} : { otherTypes: types };
}

function readValue(
  value: unknown,
  source: Source,
  hashing: Hashing,
  translation: number,
): { facts: readonly ProviderFact[]; snapshot?: boolean } {
  if (source.provider === "layer1")
    return { facts: readLayer1(value, source, hashing, translation) };
  const { payloadType } = source;
  if (source.channel === "feed" && payloadType === "feed") {
    return readFrame(value, source, translation);
  }
  if (payloadType === "feed:single_chain") {
    throw new Unreadable("single_chain", "an earlier snapshot of the connection showed no chains");
  }
  const type = Object.hasOwn(ZERO_HASH_TYPES, payloadType) && ZERO_HASH_TYPES[payloadType];
  if (type && !isOfType(value, type)) {
    throw new Unreadable(
      "shape",
      `a body of ${payloadType} has ${type.marks.join(" or ")}; this one has not`,
    );
  }
  if (payloadType === "account_balance.changed") {
    return { facts: readBalanceUpdate(value, source, translation) };
  }
  const stamp = stampOf(source, hashing, translation);
  const known = Object.hasOwn(ZERO_HASH, payloadType) ? ZERO_HASH[payloadType] : undefined;
  if (known) return { facts: [known.read(value, stamp, payloadType)] };
  if (ZERO_HASH_NOTIFICATIONS.has(payloadType)) {
    return { facts: [readNotification(value, stamp, payloadType)] };
  }
  throw new Unreadable("unknown_type", `payload type ${quote(payloadType)}`);
}

function readLayer1(
  value: unknown,
  source: Source,
  hashing: Hashing,
  translation: number,
): readonly ProviderFact[] {
  const envelope = readEnvelope(value);
  const read = Object.hasOwn(LAYER1, envelope.event) ? LAYER1[envelope.event] : undefined;
  if (!read) throw new Unreadable("unknown_type", `event ${quote(envelope.event)}`);
  const facts = read(envelope, stampOf(source, hashing, translation, "data"));
  return Array.isArray(facts) ? facts : [facts as ProviderFact];
}

/**
 * The digest of the provider's object: Zero Hash sends it bare, Layer1 in an envelope whose time
 * is not part of it.
 */
function stampOf(source: Source, hashing: Hashing, translation: number, member?: "data"): Stamp {
  const parsed = parseJson(source.text ?? "", "printed");
  const whole = parsed.ok ? parsed.value : null;
  const inner = member && (whole as { data?: unknown } | null)?.[member];
  return {
    content: hashing.sha256(canonicalJson(inner ?? whole)),
    received_at: formatTime(source.receivedAt),
    translation,
    notification_id: source.notificationId ?? undefined,
  };
}

/**
 * What a frame of the Balances Feed is to the client that hears it. Pongs and answers to a
 * subscription are not recorded; everything else is, also what nobody can read. A `snapshot` shows
 * that the subscription stands (provider facts 1.2: no error message is documented).
 */
export type FrameKind = "pong" | "answer" | "snapshot" | "other";

const KINDS: Readonly<Record<string, FrameKind>> = {
  pong: "pong",
  subscribe: "answer",
  info: "answer",
  "initial-balance": "snapshot",
  "initial-balances": "snapshot",
};

export function frameKind(text: string): FrameKind {
  // A snapshot may hold 64 MiB; its type stands within the first characters or the last.
  const parsed = text.length > 4096 ? null : parseJson(text);
  if (parsed === null) return SNAPSHOT.test(text) ? "snapshot" : "other";
  if (!parsed.ok) return "other";
  const { messageType, message_type } = Object(parsed.value);
  const type = messageType ?? message_type;
  return typeof type === "string" && Object.hasOwn(KINDS, type)
    ? (KINDS[type] ?? "other")
    : "other";
}

const SNAPSHOT = /"message(?:T|_t)ype"\s*:\s*"initial-balances?"/;

/**
 * Which type of Zero Hash a body shows by itself. No signature covers the header that names the type,
 * so a body counts for a type only where one of that type's marks stands in it: a key, be it empty,
 * that every printed body of the type has and no other type's. Two types of funds share one shape.
 */
type BodyType = Readonly<{ marks: readonly string[] }>;

/** By payload type; two spellings of one type are one and the same `BodyType`. */
type BodyTypes = Readonly<Record<string, BodyType>>;

function isOfType(value: unknown, { marks }: BodyType): boolean {
  return (
    typeof value === "object" && value !== null && marks.some((mark) => Object.hasOwn(value, mark))
  );
}

/**
 * The types, other than the one that it came as, that a body could be of. Types that no model folds
 * are not among them: their bodies are not described well enough to be told from others.
 */
export function otherTypes(
  value: unknown,
  payloadType: string,
  types: BodyTypes,
): readonly string[] {
  const own = Object.hasOwn(types, payloadType) ? types[payloadType] : undefined;
  return Object.entries(types)
    .filter(([, type]) => type !== own && isOfType(value, type))
    .map(([name]) => name);
}
