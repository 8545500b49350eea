import type { ProviderFact } from "@counterfoil/contracts/fact";
import type { Channel, Provider } from "@counterfoil/contracts/scalar";
import type { Nanos } from "../exact/time.ts";
import type { Hashing } from "../hashing.ts";

/** Before which time a run did not happen, and behind which run of the account it stands. */
export type SocketOrder = Readonly<{ notBefore: Nanos; follows: string }>;

/** What a translation may look at: the bytes as text, and where and when they arrived. */
export type Source = Readonly<{
  provider: Provider;
  channel: Channel;
  payloadType: string;
  /** null where the bytes are not UTF-8. */
  text: string | null;
  place: Readonly<{ connection: string; frame: number }> | null;
  receivedAt: Nanos;
  /** What a socket's order says of the run that a frame states. */
  order?: SocketOrder;
  /** What the provider calls the delivery, where it does. */
  notificationId?: string | null;
}>;

/**
 * The facts in a delivery, or why nobody could read it. `snapshot` says that the facts list every
 * account that the provider has anything to say of.
 */
export type Reading =
  | Readonly<{ ok: true; facts: readonly ProviderFact[]; snapshot: boolean }>
  | Readonly<{ ok: false; reason: QuarantineReason; detail: string }>;

export type QuarantineReason =
  | "not_utf8"
  | "not_json"
  | "unknown_type"
  | "shape"
  | "amount"
  | "time"
  | "single_chain";

/** Pure: the same source gives the same reading, on every machine, for ever. */
export type Translate = (source: Source, hashing: Hashing) => Reading;

/**
 * The translations by version. A delivery that was begun under an older version is completed under
 * it; everything else is read with the `present` one.
 */
export type Translations = Readonly<{
  present: number;
  versions: Readonly<Record<number, Translate>>;
}>;
