import { nodeHashing as hashing, systemClock } from "@counterfoil/adapters/node/runtime";
import { openEventStream } from "@counterfoil/adapters/sqlite/event-stream";
import type { EventRecord } from "@counterfoil/contracts/record";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { createIngest } from "@counterfoil/processing/ingest/ingest";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { feedFrame, snapshotText } from "@counterfoil/processing/testing/feed-frame";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { createApi, whenFolded } from "./support/api.ts";
import { addressOf, endAllProcesses, startRole, stopRole } from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { configOf } from "./support/stand-in.ts";

afterEach(endAllProcesses);
afterAll(removeFolders);

const ACCOUNTS = 2500;

const snapshot = feedFrame(snapshotText(ACCOUNTS), {
  number: 1,
  receivedAt: 1_746_000_000_000_000_000n,
});

/** An ingestor that dies when the first part of a snapshot is on disk. */
async function leaveSnapshot(dataDir: string): Promise<void> {
  const clock = systemClock;
  const ledger = "default";
  const stream = await openEventStream({ dataDir, ledger, hashing, clock });
  await openLedger(stream, { name: ledger, environment: "production" }, hashing);
  let appends = 0;
  const dying: typeof stream = {
    ...stream,
    append: async (...given) => {
      appends += 1;
      if (appends > 1) throw new StreamUnavailable("killed");
      return stream.append(...given);
    },
  };
  const ingest = createIngest({ stream: dying, translations: TRANSLATIONS, hashing, clock });
  await expect(ingest.submit(snapshot)).rejects.toThrow("killed");
  await stream.close();
}

test.each(["start", "ingestor"])(
  "%s completes the snapshot that a dead ingestor left",
  async (role) => {
    const env = configOf(newFolder());
    await leaveSnapshot(String(env.COUNTERFOIL_DATA_DIR));
    const service = startRole([role], env);
    await service.whenLogged(({ msg }) => msg === "an incomplete delivery is complete now");
    if (role === "start") {
      const api = createApi(await addressOf(service));
      const { head } = await whenFolded(api);
      const ends = await api.get<readonly EventRecord[]>("/v1/events", {
        types: "DeliveryCompleted",
      });
      // Ledger opened, delivery received, divided, every account, completed.
      expect(head).toBe(String(3 + ACCOUNTS + 1));
      expect(ends.map(({ position }) => position)).toEqual([head]);
    }
    expect(await stopRole(service)).toBe(0);
  },
);
