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
  /** Two accounts of a snapshot share one asset code: the request for multi-chain codes was ignored. */
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
