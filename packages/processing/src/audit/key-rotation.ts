import { type DataOf, FACTS } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { keyIdOf, rotationText } from "@counterfoil/core/audit/tree-head";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { newEvent } from "@counterfoil/core/ingest/event";
import { readData } from "@counterfoil/core/stream/read-event";
import { appendDecided, type ConcurrentWriter } from "../ingest/append-decided.ts";
import { HeadKeyUnusable } from "../ports/errors.ts";
import { type EventStream, readAll } from "../ports/event-stream.ts";
import type { HeadKeyring, VerifySignature } from "../ports/head-keys.ts";

/** The ledger's heads are signed by another key than the configured one. */
export class HeadKeyReplaced extends HeadKeyUnusable {
  override readonly name = "HeadKeyReplaced";
}

/** A `HeadKeyRotated` event's data and position. */
export type Rotation = Readonly<{ position: number }> & DataOf<"HeadKeyRotated">;

/** The rotations on the stream, in order, without those that were altered. */
export async function rotationsOf(stream: EventStream): Promise<readonly Rotation[]> {
  const rotations: Rotation[] = [];
  for await (const event of readAll(stream, ["HeadKeyRotated"])) {
    const data = readRotation(event);
    if (data !== null) rotations.push({ position: event.position, ...data });
  }
  return rotations;
}

/** null if it was altered: `verify` reports that, and it establishes no trust. */
export function readRotation(event: RecordedEvent): DataOf<"HeadKeyRotated"> | null {
  try {
    return FACTS.HeadKeyRotated.safeParse(readData(event)).data ?? null;
  } catch {
    return null;
  }
}

/**
 * Ensures that the configured key is the stream's current one. A recorded rotation is completed
 * here if the process died before its key was in place.
 *
 * @throws HeadKeyReplaced
 */
export async function ensureCurrentKey(
  stream: EventStream,
  keys: HeadKeyring,
  hashing: Hashing,
): Promise<void> {
  const last = (await rotationsOf(stream)).at(-1);
  if (last === undefined || last.new_key === (await keys.publicKey())) return;
  if (await keys.adopt(last.new_key)) return;
  const [found, expected] = [await keys.publicKey(), last.new_key].map((key) =>
    keyIdOf(key, hashing),
  );
  throw new HeadKeyReplaced(
    `the key at hand is ${found}, and since position ${last.position} heads of this ledger are signed by ${expected}: put that key in its place`,
  );
}

type RotateOptions = ConcurrentWriter &
  Readonly<{
    ledger: string;
    genesis: string;
    keys: HeadKeyring;
    hashing: Hashing;
    /** Called when both keys have signed, before the rotation is recorded. */
    begin?: (() => Promise<unknown>) | undefined;
  }>;

/** Records that another key signs from here on, signed by both keys, and puts it in place. */
export async function recordRotation(options: RotateOptions): Promise<DataOf<"HeadKeyRotated">> {
  const { ledger, genesis, keys, hashing } = options;
  const next = await keys.successor();
  const [old_key, new_key] = [await keys.publicKey(), await next.publicKey()];
  const text = rotationText({ ledger, genesis, old_key, new_key });
  const old_signature = await keys.sign(text);
  const data = { old_key, new_key, old_signature, new_signature: await next.sign(text) };
  const id = eventId(["HeadKeyRotated", new_key], hashing);
  const cause = { deliveryId: null, correlationId: null };
  const event = newEvent({ type: "HeadKeyRotated", data }, { id, subject: "ledger" }, cause);
  await options.begin?.();
  await appendDecided(options, [id], (known) => (known.has(id) ? [] : [event]));
  await keys.adopt(new_key);
  return data;
}

/** Whether both keys have signed that the one succeeds the other: anyone who can append may have written it. */
export function isConfirmed(
  { old_key, new_key, old_signature, new_signature }: DataOf<"HeadKeyRotated">,
  {
    ledger,
    genesis,
    verify,
  }: Readonly<{ ledger: string; genesis: string; verify: VerifySignature }>,
): boolean {
  const text = rotationText({ ledger, genesis, old_key, new_key });
  return verify(old_key, text, old_signature) && verify(new_key, text, new_signature);
}

type TrustOptions = Readonly<{
  stream: EventStream;
  ledger: string;
  verify: VerifySignature;
}>;

/**
 * The keys trusted because of a given one, and the last position that each may have signed. An
 * earlier key is trusted if both keys have signed the rotation: a writer to the stream can name its
 * own key there, but cannot sign for the given one. That one may have been replaced itself.
 */
export async function trustedKeys(
  { stream, ledger, verify }: TrustOptions,
  given: string,
): Promise<ReadonlyMap<string, number>> {
  const [first] = await stream.read({ after: 0, limit: 1 });
  const signed = { ledger, genesis: first?.hash ?? "", verify };
  const rotations = (await rotationsOf(stream)).filter((each) => isConfirmed(each, signed));
  const last = rotations.findLast(({ old_key, new_key }) => [old_key, new_key].includes(given));
  const isReplaced = last?.old_key === given;
  const trusted = new Map([[given, isReplaced ? last.position - 1 : Number.POSITIVE_INFINITY]]);
  for (const { position, old_key, new_key } of rotations.toReversed()) {
    if (trusted.has(new_key) && !trusted.has(old_key)) trusted.set(old_key, position - 1);
  }
  return trusted;
}
