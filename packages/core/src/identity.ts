import type { ProviderFact, ProviderFactType } from "@counterfoil/contracts/fact";
import { canonicalJson } from "./exact/json.ts";
import type { Hashing } from "./hashing.ts";

/**
 * Identity, version 1: frozen. An event's id is the UUIDv5 (RFC 9562) of the RFC 8785 array
 * `[what, part, part, …]` in the namespace below; parts are strings or null. Two ingestors that
 * read the same fact derive the same id, so a repeat is recognised at any time. `identity.test.ts`
 * holds vectors that must never change.
 */
type Identity = readonly [what: string, ...parts: (string | null)[]];

const NAMESPACE = "5d1c0b0e-6f0a-5f0f-8b1d-0c9e6b1a7e21";

/** The id of the event with this identity, a UUID. Whoever derives it gets the same one. */
export function eventId(identity: Identity, hashing: Hashing): string {
  return uuidV5(canonicalArray(identity), hashing);
}

/** An array of texts and nulls has one form in JSON. */
const canonicalArray = (identity: Identity): string => JSON.stringify(identity);

/**
 * The id of an amendment: its content is what a copy adds or contradicts, or a translation and a
 * cause.
 */
export function amendmentId(
  what: string,
  eventId: string,
  content: unknown,
  hashing: Hashing,
): string {
  return uuidV5(canonicalArray([what, eventId, canonicalJson(content)]), hashing);
}

/**
 * The identity of a delivery. On the webhook, backfill and import channels it is the bytes and the
 * payload type; the notification id is part of it only if the body has no time of its own. On the
 * feed it is the frame's place on its connection.
 */
type DeliveryIdentity =
  | Readonly<{ channel: "feed"; connection: string; frame: number }>
  | Readonly<{
      channel: "webhook" | "backfill" | "import";
      provider: string;
      payloadType: string;
      sha256: string;
      notificationId?: string | null;
    }>;

/** The id of a delivery, which is also that of the `DeliveryReceived` that records it: a UUID. */
export function deliveryId(delivery: DeliveryIdentity, hashing: Hashing): string {
  if (delivery.channel === "feed") {
    return eventId(["delivery", "feed", delivery.connection, String(delivery.frame)], hashing);
  }
  const { provider, channel, payloadType, sha256, notificationId } = delivery;
  const identity = ["delivery", provider, channel, payloadType, sha256] as const;
  return eventId(notificationId ? [...identity, notificationId] : identity, hashing);
}

const encoder = new TextEncoder();
const namespaceBytes = Uint8Array.from(NAMESPACE.replaceAll("-", "").match(/../g) ?? [], (byte) =>
  Number.parseInt(byte, 16),
);
let { scratch, rest } = scratchOf(1024);

/** The namespace, and the room for a name behind it. */
function scratchOf(length: number) {
  const scratch = new Uint8Array(length);
  scratch.set(namespaceBytes);
  return { scratch, rest: scratch.subarray(namespaceBytes.length) };
}

/** The two bits that say the variant, in the first of four bits. */
const VARIANTS = "89ab89ab89ab89ab";

function uuidV5(name: string, hashing: Hashing): string {
  if (rest.length < name.length * 3) ({ scratch, rest } = scratchOf(16 + name.length * 4));
  const { written } = encoder.encodeInto(name, rest);
  const hex = hashing.sha1(scratch.subarray(0, 16 + written));
  const head = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}`;
  const variant = VARIANTS[Number.parseInt(hex.charAt(16), 16)];
  return `${head}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

type DataOf<Type extends ProviderFactType> = Extract<ProviderFact, { type: Type }>["data"];

type Rules<Type extends ProviderFactType> = Readonly<{
  /** The natural key: the named parts that make two copies the same fact. */
  key: (data: DataOf<Type>) => Readonly<Record<string, string>>;
  subject: (data: DataOf<Type>) => string;
}>;

const status = (
  kind: string,
  id: string,
  data: { provider: string; status: string; content: string } & Notified,
) => ({
  provider: data.provider,
  [kind]: id,
  status: data.status,
  content: data.content,
  ...notificationOf(data),
});

type Notified = { notification_id?: string | undefined };

/**
 * A body without a timestamp is identified by its delivery, so that the same status can be reported
 * twice.
 */
const notificationOf = ({ notification_id }: Notified): { notification_id?: string } =>
  notification_id === undefined ? {} : { notification_id };

/** One row per type. The order of a key's parts is part of the frozen identity. */
const RULES: { readonly [Type in ProviderFactType]: Rules<Type> } = {
  RunRecorded: {
    key: (run) => ({ provider: run.provider, run_id: run.run_id }),
    subject: (run) => `run:${run.provider}:${run.run_id}`,
  },
  MovementRecorded: {
    key: (movement) => ({ account: movement.account, movement_id: movement.movement_id }),
    subject: (movement) => movement.account,
  },
  BalanceReported: {
    key: (report): Record<string, string> =>
      report.run_id === undefined
        ? {
            account: report.account,
            connection: report.place?.connection ?? "",
            frame: String(report.place?.frame ?? ""),
          }
        : { account: report.account, run_id: report.run_id },
    subject: (report) => report.account,
  },
  FundsReported: {
    key: (funds) => ({ account: funds.account, occurred_at: funds.occurred_at }),
    subject: (funds) => funds.account,
  },
  DepositStatusReported: {
    key: (data) => status("deposit_id", data.leg_id ?? data.deposit_id, data),
    subject: (data) => transferOrOwnSubject("deposit", data.provider, data.deposit_id),
  },
  WithdrawalStatusReported: {
    key: (data) => status("withdrawal_id", data.leg_id ?? data.withdrawal_id, data),
    subject: (data) => transferOrOwnSubject("withdrawal", data.provider, data.withdrawal_id),
  },
  PaymentStatusReported: {
    key: (data) => status("payment", data.payment, data),
    subject: (data) => `payment:${data.provider}:${data.payment}`,
  },
  FundReported: {
    key: (data) => ({
      ...{ provider: data.provider, fund: data.fund, content: data.content },
      ...notificationOf(data),
    }),
    subject: (data) => `fund:${data.provider}:${data.fund}`,
  },
  TradeStatusReported: {
    key: (data) => status("trade_id", data.trade_id, data),
    subject: (data) => `trade:${data.provider}:${data.trade_id}`,
  },
  NotificationRecorded: {
    key: (data) => ({
      provider: data.provider,
      payload_type: data.payload_type,
      content: data.content,
    }),
    subject: (data) => `notification:${data.provider}:${data.content}`,
  },
};

const transferOrOwnSubject = (kind: string, provider: string, id: string): string =>
  `${provider === "layer1" ? "transfer" : kind}:${provider}:${id}`;

const rulesOf = (fact: ProviderFact) => RULES[fact.type] as Rules<ProviderFactType>;

/**
 * The natural key of a fact: the named parts that make two copies the same fact, in the order in which its
 * id joins them.
 */
export function factKey(fact: ProviderFact): Readonly<Record<string, string>> {
  return rulesOf(fact).key(fact.data as never);
}

/**
 * What a fact is about, as its event carries it: an account's id, or a kind, a provider and an id
 * (`run:zerohash:…`).
 */
export function factSubject(fact: ProviderFact): string {
  return rulesOf(fact).subject(fact.data as never);
}

/** The identity of a fact, from which `eventId` derives its id. */
export function factIdentity(fact: ProviderFact): Identity {
  return [fact.type, ...Object.values(factKey(fact))];
}

/** The id of the fact that an amendment's key names; a movement's key names its run as well. */
export function factIdNamedBy(
  type: string,
  key: Readonly<Record<string, string>>,
  hashing: Hashing,
): string {
  const { run_id: _, ...movement } = key;
  return eventId([type, ...Object.values(type === "MovementRecorded" ? movement : key)], hashing);
}
