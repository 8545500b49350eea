/** The credentials that travel inside each message, not in HTTP headers. */
export type FeedCredentials = Readonly<{
  key: string;
  passphrase: string;
  /** Seconds since 1970, as text. */
  timestamp: string;
  signature: string;
}>;

export type ClientMessage =
  | Readonly<{ kind: "subscribe"; credentials: FeedCredentials; multiChain: boolean }>
  | Readonly<{ kind: "ping" }>
  | Readonly<{ kind: "malformed"; reason: string }>
  | Readonly<{ kind: "other" }>;

/** One account of an `initial-balance`, as the provider's page lists it. */
export type FeedAccount = Readonly<{
  account_id: string;
  participant_code: string;
  account_group: string;
  account_label: string;
  account_type: string;
  asset: string;
  balance: string;
}>;

export const PONG = '{"messageType":"pong"}';

/** The body is a string, unlike that of every other message. */
export const SUBSCRIBE_ACKNOWLEDGEMENT =
  '{"messageType":"subscribe","body":"successfully subscribed to balances"}';

export function parseClientMessage(text: string): ClientMessage {
  const message = parseObject(text);
  if (message === null) return { kind: "malformed", reason: "not a JSON object" };
  if (message.messageType === "ping") return { kind: "ping" };
  if (message.messageType !== "subscribe") return { kind: "other" };
  return parseSubscribe(message);
}

/** A frame as a connection gets it that did not ask for multi-chain codes: USDC.ETH is USDC. */
export function withoutChains(frame: string): string {
  return frame.replace(/("asset"\s*:\s*"[^".]*)\.[^"]*"/g, '$1"');
}

export function initialBalanceText(accounts: readonly FeedAccount[]): string {
  return JSON.stringify({ messageType: "initial-balance", body: accounts });
}

type JsonObject = Readonly<Record<string, unknown>>;

function parseSubscribe(message: JsonObject): ClientMessage {
  const { key, passphrase, timestamp, signature, topic, body } = message;
  // The topic may be missing; the body may be empty but has to be there.
  if (topic !== undefined && topic !== "balances") return malformed(`unknown topic ${topic}`);
  if (typeof body !== "object" || body === null) return malformed("body is missing");
  if (typeof timestamp !== "string" || !/^\d{10}$/.test(timestamp)) {
    return malformed("timestamp is not a text of seconds");
  }
  if (!isText(key) || !isText(passphrase) || !isText(signature)) {
    return malformed("key, passphrase or signature is missing");
  }
  return {
    kind: "subscribe",
    credentials: { key, passphrase, timestamp, signature },
    multiChain: message.useMultiChainAssetFormat === true,
  };
}

function malformed(reason: string): ClientMessage {
  return { kind: "malformed", reason };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function parseObject(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
