import { missingForBroker } from "@counterfoil/adapters/kafka/testing/broker";
import { benchAcknowledge, benchAcknowledgeLayer1, benchAcknowledgeTraced } from "./acknowledge.ts";
import { benchAppend } from "./append.ts";
import { benchProve, benchVerify } from "./audit.ts";
import { benchChanges } from "./changes.ts";
import { benchEmmettRebuild } from "./emmett-rebuild.ts";
import { benchFollowAppends } from "./follow-appends.ts";
import { benchHot } from "./hot.ts";
import { benchKafkaPublish } from "./kafka-publish.ts";
import type { BenchOptions, BenchRow } from "./measure.ts";
import { benchMove } from "./move.ts";
import { benchPostgresAppend } from "./postgres-append.ts";
import { benchPostgresRebuild } from "./postgres-rebuild.ts";
import { missingForPostgres } from "./postgres-server.ts";
import { benchExplain, benchPostgresReading, benchReading, missingForBrowser } from "./reading.ts";
import { benchRebuild } from "./rebuild.ts";
import { benchRebuildMemory } from "./rebuild-memory.ts";
import { benchVisibility } from "./visibility.ts";

export type Bench = Readonly<{
  run: (options: BenchOptions) => Promise<BenchRow | readonly BenchRow[]>;
  /** Why it cannot run on this machine; null if it can. */
  missing?: () => string | null;
  /** The default sizes, which take about a minute on two idle cores. */
  sizes: BenchOptions;
}>;

const USUAL: BenchOptions = { facts: 150_000, accounts: 10_000, rounds: 5 };

/** As many accounts as in the targets for large ledgers, but fewer facts. */
const LARGE: BenchOptions = { facts: 200_000, accounts: 100_000, rounds: 5 };

const SQLITE: Readonly<Record<string, Bench>> = {
  acknowledge: { run: benchAcknowledge, sizes: { ...USUAL, facts: 90_000, rounds: 3 } },
  "acknowledge-layer1": {
    run: benchAcknowledgeLayer1,
    sizes: { ...USUAL, facts: 30_000, rounds: 3 },
  },
  "acknowledge-traced": {
    run: benchAcknowledgeTraced,
    sizes: { ...USUAL, facts: 60_000, rounds: 5 },
  },
  visible: { run: benchVisibility, sizes: { ...USUAL, facts: 45_000, rounds: 1 } },
  changes: { run: benchChanges, sizes: { ...USUAL, facts: 6_000, rounds: 1 } },
  append: { run: benchAppend, sizes: USUAL },
  move: { run: benchMove, sizes: { ...USUAL, rounds: 3 } },
  verify: { run: benchVerify, sizes: { ...USUAL, rounds: 3 } },
  prove: { run: benchProve, sizes: { facts: 10_000, accounts: 1, rounds: 3 } },
  rebuild: { run: benchRebuild, sizes: USUAL },
  "rebuild-memory": {
    run: benchRebuildMemory,
    sizes: { facts: 600_000, accounts: 100_000, rounds: 1 },
  },
  reading: { run: benchReading, missing: missingForBrowser, sizes: LARGE },
  explain: { run: benchExplain, sizes: { ...USUAL, facts: 30_000, rounds: 1 } },
  hot: { run: benchHot, sizes: { facts: 10_000, accounts: 1_000, rounds: 1 } },
};

const POSTGRES: Readonly<Record<string, Bench>> = {
  "postgres-append": { run: benchPostgresAppend, missing: missingForPostgres, sizes: USUAL },
  "postgres-rebuild": { run: benchPostgresRebuild, missing: missingForPostgres, sizes: USUAL },
  "postgres-reading": {
    run: benchPostgresReading,
    missing: () => missingForPostgres() ?? missingForBrowser(),
    sizes: { ...LARGE, facts: 100_000 },
  },
  "emmett-rebuild": {
    run: benchEmmettRebuild,
    missing: missingForPostgres,
    sizes: { ...USUAL, rounds: 1 },
  },
  "follow-appends": {
    run: benchFollowAppends,
    missing: missingForPostgres,
    sizes: { ...USUAL, facts: 12_000, rounds: 1 },
  },
};

/** By the name for `--only`, in the order in which they run. */
export const BENCHES: Readonly<Record<string, Bench>> = {
  ...SQLITE,
  ...POSTGRES,
  "kafka-publish": {
    run: benchKafkaPublish,
    missing: missingForBroker,
    sizes: { ...USUAL, facts: 45_000, rounds: 3 },
  },
};
