import type { ProviderFact } from "@counterfoil/contracts/fact";
import { canonicalJson, parseJson } from "../exact/json.ts";
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
  type LongFrame,
  quoteWord,
  type Reading,
  type Source,
  type Stamp,
  type Translate,
  type Translations,
  Unreadable,
  unreadBy,
} from "./translation.ts";
import { readBalanceUpdate, readFrame, readLongSnapshot } from "./zero-hash-balance.ts";
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

/** Zero Hash's status payload types: how a body is read, and by which marks it is recognised. */
const ZERO_HASH_STATUSES: Readonly<Record<string, ZeroHashType>> = {
  "deposit.status_changed": { read: readDeposit, marks: ["deposit_id"] },
  payment_status_changed: { read: readPayment, marks: PAYMENT_MARKS },
  "payout.status_updated": { read: readPayout, marks: ["payout_id"] },
  deposit_fund_complete: { read: readFund, marks: FUND_MARKS },
  crypto_pay_status_changed: { read: readFund, marks: FUND_MARKS },
  "trade.status_changed": TRADE,
  trade_status_changed: TRADE,
};

/** All payload types with facts that a model projects. */
export const ZERO_HASH_TYPES: Readonly<Record<string, BodyType>> = {
  "account_balance.changed": { marks: ["run_id"] },
  ...ZERO_HASH_STATUSES,
};

/** Types that Zero Hash lists and no model projects. Any other type is unknown and quarantined. */
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

/** By event name, as `layer1Event` spells it. */
const LAYER1_READERS: Readonly<Record<string, Layer1Reader>> = {
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
 * Translates text to facts. Version 2 adds owners and beneficiaries of payments, amounts apart from
 * totals, and statuses without a time. Version 3 reads a Zero Hash body only as a type whose marks it
 * has, adds the payments of payouts, and refuses ids that are too long for a key. Older versions stay
 * for deliveries that they left incomplete; only deliveries of balances can be.
 */
const translateWith =
  (translation: number): Translate =>
  (source, hashing) =>
    readSource(source, hashing, translation);

export const TRANSLATIONS: Translations = {
  present: 3,
  versions: { 1: translateWith(1), 2: translateWith(2), 3: translateWith(3) },
  readLongFrame,
};

const LENGTHS_LIMITED_SINCE = 3;

function readSource(source: Source, hashing: Hashing, translation: number): Reading {
  if (source.text === null) {
    return { ok: false, reason: "not_utf8", detail: "the body is not UTF-8" };
  }
  const parsed = parseJson(source.text);
  if (!parsed.ok) {
    return { ok: false, reason: "not_json", detail: `${parsed.reason}, at ${parsed.at}` };
  }
  const others = otherTypesOf(parsed.value, source);
  try {
    const read = readValue(parsed.value, source, hashing, translation);
    if (translation >= LENGTHS_LIMITED_SINCE) for (const fact of read.facts) checkLengths(fact);
    return { ok: true, snapshot: false, ...read, ...others };
  } catch (error) {
    return { ...unreadBy(error), ...others };
  }
}

function* readLongFrame(frame: LongFrame): Generator<ProviderFact, void> {
  const { channel, payloadType } = frame.source;
  if (channel !== "feed" || payloadType !== "feed") throw new Error("this is no frame of a feed");
  for (const fact of readLongSnapshot(frame)) {
    if (frame.translation >= LENGTHS_LIMITED_SINCE) checkLengths(fact);
    yield fact;
  }
}

/**
 * Bodies of Layer1 and frames of the feed name their own type; Zero Hash's is an unsigned header.
 */
function otherTypesOf(value: unknown, { provider, channel, payloadType }: Source) {
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
  const statusType = Object.hasOwn(ZERO_HASH_STATUSES, payloadType)
    ? ZERO_HASH_STATUSES[payloadType]
    : undefined;
  if (statusType) return { facts: [statusType.read(value, stamp, payloadType)] };
  if (ZERO_HASH_NOTIFICATIONS.has(payloadType)) {
    return { facts: [readNotification(value, stamp, payloadType)] };
  }
  throw new Unreadable("unknown_type", `payload type ${quoteWord(payloadType)}`);
}

function readLayer1(
  value: unknown,
  source: Source,
  hashing: Hashing,
  translation: number,
): readonly ProviderFact[] {
  const envelope = readEnvelope(value);
  const read = Object.hasOwn(LAYER1_READERS, envelope.event)
    ? LAYER1_READERS[envelope.event]
    : undefined;
  if (!read) throw new Unreadable("unknown_type", `event ${quoteWord(envelope.event)}`);
  const facts = read(envelope, stampOf(source, hashing, translation, "data"));
  return Array.isArray(facts) ? facts : [facts as ProviderFact];
}

/**
 * The stamp of a source. Its digest covers the provider's object: the whole body at Zero Hash, the
 * envelope's `data` at Layer1, whose envelope has a time of its own.
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
 * How the client of the Balances Feed handles a frame. Pongs and answers to a subscription are not
 * recorded; everything else is, even if it cannot be read. A `snapshot` shows that the subscription
 * succeeded (provider facts 1.2: no error message is documented).
 */
export type FrameKind = "pong" | "answer" | "snapshot" | "other";

const FRAME_KINDS: Readonly<Record<string, FrameKind>> = {
  pong: "pong",
  subscribe: "answer",
  info: "answer",
  "initial-balance": "snapshot",
  "initial-balances": "snapshot",
};

export function frameKind(text: string): FrameKind {
  // A snapshot may have 64 MiB, so a long frame is searched and not parsed.
  const parsed = text.length > 4096 ? null : parseJson(text);
  if (parsed === null) return SNAPSHOT_TYPE.test(text) ? "snapshot" : "other";
  if (!parsed.ok) return "other";
  const { messageType, message_type } = Object(parsed.value);
  const type = messageType ?? message_type;
  return typeof type === "string" && Object.hasOwn(FRAME_KINDS, type)
    ? (FRAME_KINDS[type] ?? "other")
    : "other";
}

const SNAPSHOT_TYPE = /"message(?:T|_t)ype"\s*:\s*"initial-balances?"/;

/**
 * The keys by which a Zero Hash body shows its type. No signature covers the header that names the
 * type, so a body is read as a type only if it has one of that type's marks: a key, even if empty,
 * that every documented body of the type has and no other type's body. Two types of funds share one
 * shape.
 */
type BodyType = Readonly<{ marks: readonly string[] }>;

/** By payload type; two spellings of one type share the same `BodyType`. */
type BodyTypes = Readonly<Record<string, BodyType>>;

function isOfType(value: unknown, { marks }: BodyType): boolean {
  return (
    typeof value === "object" && value !== null && marks.some((mark) => Object.hasOwn(value, mark))
  );
}

/**
 * The types that a body could have, other than the one in its header. Types that no model projects
 * are excluded: their bodies are not documented well enough to recognise.
 */
function otherTypes(value: unknown, payloadType: string, types: BodyTypes): readonly string[] {
  const own = Object.hasOwn(types, payloadType) ? types[payloadType] : undefined;
  return Object.entries(types)
    .filter(([, type]) => type !== own && isOfType(value, type))
    .map(([name]) => name);
}
