import type { SocketEnd } from "./feed-socket.ts";
import type { Departure, Progress } from "./progress.ts";

export type CloseReason = Departure | SocketEnd["kind"];

export type Closing = Readonly<{ reason: CloseReason; detail?: string }>;

/** What the connection went through, how it ended, and how many frames a stop left unrecorded. */
export type ConnectionFacts = Readonly<Progress> &
  Readonly<{ end: SocketEnd; frameBytesMax: number; unrecorded: number }>;

/** What `FeedClosed` says of a connection that has ended. */
export function closingOf(facts: ConnectionFacts): Closing {
  const reason = reasonOf(facts);
  const lost = facts.unrecorded > 0 ? `${facts.unrecorded} received frames are not recorded` : "";
  const detail = [describe(reason, facts), lost].filter((part) => part !== "").join("; ");
  return detail === "" ? { reason } : { reason, detail };
}

function reasonOf({ end, departure, isSingleChain, isSubscribing, isSubscribed }: ConnectionFacts) {
  // The frame that shows it may be recorded long after the connection ended for another reason.
  if (isSingleChain) return "single_chain";
  if (departure !== null) return departure;
  if (end.kind === "frame_too_large") return end.kind;
  // The provider documents no refusal; an end before the first snapshot is taken for one.
  return isSubscribing && !isSubscribed ? "subscription_refused" : end.kind;
}

/** For the reasons that need no more words, how the connection ended says enough. */
function describe(reason: CloseReason, facts: ConnectionFacts): string {
  const { end, departure, frames, bytes, frameBytesMax } = facts;
  if (reason === "stopped") return "";
  if (reason === "liveness") return "nothing arrived for 30 s";
  if (reason === "single_chain") return "two accounts of a snapshot share one asset code";
  if (departure === "subscription_refused") return "an unknown message came before a snapshot";
  if (end.kind === "network") return end.detail;
  if (end.kind === "closed") return `code ${end.code}${end.reason && `, ${printable(end.reason)}`}`;
  return `more than ${frameBytesMax} bytes, after ${frames} frames of together ${bytes} bytes`;
}

/** The other side's words; a control character would make trouble wherever they are shown. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}
