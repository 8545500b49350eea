import { MOVEMENT_REFERENCES, type ProviderFact } from "@counterfoil/contracts/fact";
import {
  type ZeroHashBalance,
  type ZeroHashMovement,
  zeroHashBalance,
  zeroHashFrame,
} from "@counterfoil/contracts/wire";
import type { z } from "zod";
import { zeroHashAccountId } from "../account.ts";
import { parseLongList } from "../exact/json.ts";
import { formatTime } from "../exact/time.ts";
import {
  type Arrival,
  compact,
  type LongFrame,
  quoteWord,
  readAmount,
  readKey,
  readPart,
  readShape,
  readTime,
  Unreadable,
} from "./translation.ts";

type Context = Readonly<{ source: Arrival; translation: number; receivedAt: string }>;

/** Reads `account_balance.changed` and the body of `balance-updated`: one run on one account. */
export function readBalanceUpdate(
  value: unknown,
  source: Arrival,
  translation: number,
): ProviderFact[] {
  const context = { source, translation, receivedAt: formatTime(source.receivedAt) };
  const message = readShape(zeroHashBalance, value, "balance");
  const runId = readKey("run_id", message.run_id);
  const run = compact({
    provider: "zerohash" as const,
    run_id: runId,
    run_type: message.run_type,
    occurred_at: readTime(message.run_timestamp ?? message.timestamp, "the run's time"),
    translation,
  });
  const account = readAccount(message);
  const movements = (message.movements ?? []).map((movement, at) =>
    readPart(`movement ${at + 1}`, () =>
      readMovement(movement, { message, account, runId, context }),
    ),
  );
  return [
    { type: "RunRecorded", data: run },
    ...movements,
    readReport(message, account, context, {
      run_id: runId,
      run_type: message.run_type,
      occurred_at: run.occurred_at,
    }),
  ];
}

/** Reads a feed frame. The caller drops pongs and subscription answers. */
export function readFrame(
  value: unknown,
  source: Arrival,
  translation: number,
): Readonly<{ facts: ProviderFact[]; snapshot: boolean }> {
  const frame = readShape(zeroHashFrame, value, "frame");
  const type = frame.messageType ?? frame.message_type;
  if (type === "balance-updated") {
    return { facts: readBalanceUpdate(frame.body, source, translation), snapshot: false };
  }
  if (isSnapshot(frame)) {
    return { facts: readSnapshot(frame.body, source, translation), snapshot: true };
  }
  throw new Unreadable(
    "unknown_type",
    type === undefined ? "messageType is missing" : `messageType is ${quoteWord(type)}`,
  );
}

const isSnapshot = ({ messageType, message_type }: z.infer<typeof zeroHashFrame>): boolean =>
  ["initial-balance", "initial-balances"].includes(messageType ?? message_type ?? "");

function readSnapshot(body: unknown, source: Arrival, translation: number): ProviderFact[] {
  const context = { source, translation, receivedAt: formatTime(source.receivedAt) };
  const idOfAccount = new Map<string, string>();

  function readRow(value: unknown): ProviderFact {
    const row = readShape(zeroHashBalance, value, "account");
    const account = readAccount(row);
    const id = row.account_id ?? idOfAccount.get(account);
    if (id !== undefined && id !== (idOfAccount.get(account) ?? id)) {
      // Without multi-chain asset codes USDC.ETH and USDC.SOL are both USDC.
      throw new Unreadable("single_chain", `two account_ids are both ${account}`);
    }
    if (id !== undefined) idOfAccount.set(account, id);
    return readReport(row, account, context, {});
  }

  // A snapshot without accounts is printed as an empty list or as null; in 2020 it was one account.
  if (body === null) return [];
  if (!Array.isArray(body)) return [readPart("snapshot", () => readRow(body))];
  return body.map((value, at) =>
    readPart(`snapshot, number ${at + 1} of ${body.length}`, () => readRow(value)),
  );
}

/**
 * Reads a long snapshot account by account, without holding it.
 *
 * @throws where it is anything else than a list of accounts that can be read. Until the end nothing that
 *   was yielded counts
 */
export function* readLongSnapshot(frame: LongFrame): Generator<ProviderFact, void> {
  const { source, translation, pieces, isReadAgain } = frame;
  const context = { source, translation, receivedAt: formatTime(source.receivedAt) };
  const seen = new Set<number>();
  const elements = parseLongList(pieces, "body");
  let element = elements.next();
  for (; !element.done; element = elements.next()) {
    const row = readShape(zeroHashBalance, element.value, "snapshot");
    const account = readAccount(row);
    if (!isReadAgain && seen.size === seen.add(hashOf(account)).size) {
      // Whether they are one account, and under one account_id, only the whole shows.
      throw new Unreadable("single_chain", `${account} may be listed twice`);
    }
    yield readReport(row, account, context, {});
  }
  const rest = readShape(zeroHashFrame, element.value, "frame");
  if (!isSnapshot(rest) || !Array.isArray(rest.body)) {
    throw new Unreadable("unknown_type", "the frame is no snapshot with a list of accounts");
  }
}

/** 53 bits of a text, so that a million accounts fit into memory: FNV-1a with two factors. */
function hashOf(text: string): number {
  let [high, low] = [0x811c9dc5, 0x811c9dc5];
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit, 0x85ebca6b);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}

function readAccount(message: ZeroHashBalance): string {
  return zeroHashAccountId({
    participant_code: readKey("participant_code", message.participant_code, message.account_owner),
    account_group: message.account_group,
    account_label: message.account_label,
    account_type: readKey("account_type", message.account_type, message.account_subtype),
    asset: message.asset,
  });
}

type MovementContext = Readonly<{
  message: ZeroHashBalance;
  account: string;
  runId: string;
  context: Context;
}>;

function readMovement(
  movement: ZeroHashMovement,
  { message, account, runId, context }: MovementContext,
): ProviderFact {
  const references: Partial<Record<(typeof MOVEMENT_REFERENCES)[number], string>> = {};
  for (const name of MOVEMENT_REFERENCES) {
    const reference = movement[name];
    if (reference !== undefined) references[name] = reference;
  }
  const data = compact({
    provider: "zerohash" as const,
    account,
    account_id: movement.account_id ?? message.account_id,
    movement_id: movement.movement_id,
    movement_type: movement.movement_type,
    change: readAmount(movement.change, "change"),
    run_id: runId,
    run_type: message.run_type,
    occurred_at: readTime(movement.movement_timestamp, "movement_timestamp"),
    client_transfer_id: message.client_transfer_id,
    ...references,
    received_at: context.receivedAt,
    translation: context.translation,
  });
  return { type: "MovementRecorded", data };
}

/** The order of a run on its socket; a snapshot's reports have no run. */
function orderOf({ run_id }: Run, { order }: Arrival) {
  if (run_id === undefined || order === undefined) return {};
  return { not_before: formatTime(order.notBefore), follows: order.follows };
}

type Run = Readonly<{
  run_id?: string;
  run_type?: string | undefined;
  occurred_at?: string | undefined;
}>;

function readReport(
  message: ZeroHashBalance,
  account: string,
  context: Context,
  run: Run,
): ProviderFact {
  const { source } = context;
  const data = compact({
    provider: "zerohash" as const,
    account,
    account_id: message.account_id ?? message.movements?.find((m) => m.account_id)?.account_id,
    run_id: run.run_id,
    run_type: run.run_type,
    balance: readAmount(message.balance ?? message.new_balance, "balance"),
    occurred_at: run.occurred_at,
    place: source.place ?? undefined,
    ...orderOf(run, source),
    received_at: context.receivedAt,
    translation: context.translation,
  });
  return { type: "BalanceReported", data };
}
