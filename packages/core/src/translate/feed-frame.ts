import { parseJson } from "../exact/json.ts";

/**
 * What a frame of the Balances Feed is to the client that hears it. Pongs and answers to a
 * subscription are not recorded; everything else is, also what nobody can read. A `snapshot` shows
 * that the subscription stands (DOMAIN 1.2: no error message is documented).
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
