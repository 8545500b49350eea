import type { Hashing } from "@counterfoil/core/hashing";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { Connection } from "./connection.ts";
import type { IdentityIndex } from "./identity-index.ts";
import type { RecentHead } from "./recent-head.ts";
import type { StreamBodies } from "./stream-bodies.ts";
import type { StreamReader } from "./stream-reader.ts";
import type { Timing } from "./timing.ts";

/** What one ledger's stream is made of. */
export type StreamParts = Readonly<{
  connection: Connection;
  reader: StreamReader;
  bodies: StreamBodies;
  index: IdentityIndex;
  recent: RecentHead;
  clock: Clock;
  hashing: Hashing;
  timing: Timing;
}>;
