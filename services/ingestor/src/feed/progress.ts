import type { KeepAlive } from "./keep-alive.ts";

/** Why this side left a connection. */
export type Departure = "stopped" | "liveness" | "single_chain" | "subscription_refused";

/** What happened on a connection so far. */
export type Progress = {
  isOpen: boolean;
  /** The subscription was sent. */
  isSubscribing: boolean;
  /** A snapshot arrived. */
  isSubscribed: boolean;
  /** A snapshot showed that multi-chain asset codes were not heard (DESIGN section 4). */
  isSingleChain: boolean;
  hasEnded: boolean;
  departure: Departure | null;
  /** Received so far, pongs too. */
  frames: number;
  bytes: number;
  /** While pings are sent. */
  keepAlive: KeepAlive | null;
};

export function newProgress(): Progress {
  return {
    isOpen: false,
    isSubscribing: false,
    isSubscribed: false,
    isSingleChain: false,
    hasEnded: false,
    departure: null,
    frames: 0,
    bytes: 0,
    keepAlive: null,
  };
}
