import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { brokenAt, readAll } from "@counterfoil/processing/testing/event-stream-fixture";
import { sampleEvent, sampleEvents } from "@counterfoil/processing/testing/sample-event";
import {
  checkpointAt,
  ENTRIES,
  entry,
  putEntries,
  TABLES,
} from "@counterfoil/processing/testing/sample-tables";
import { afterAll, expect, test } from "@jest/globals";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { openEventStream } from "./event-stream.ts";
import { openModelCatalogue } from "./model-catalogue.ts";
import { startThrowAwayServer, type ThrowAwayServer } from "./testing/throw-away-server.ts";
import { describeOwnPostgres } from "./testing/use-postgres.ts";

const run = promisify(execFile);
const LEDGER = "moved";
const BODY = { sha256: "a".repeat(64), bytes: new Uint8Array([0, 255, 92, 10]) };

describeOwnPostgres("a ledger that moves to another server", (use) => {
  let another: ThrowAwayServer | null = null;
  afterAll(() => another?.dispose());

  const open = (url: string) =>
    openEventStream({ url, ledger: LEDGER, hashing: nodeHashing, clock: systemClock });

  test("keeps every byte by dump and restore, and followers go on where they were", async () => {
    const { url, binDir } = use();
    const stream = await open(url);
    const odd = sampleEvent(41, {
      data: '{"\\u0041":"\\\\N\\t 漢字 😀"}',
      about: sampleEvent(1).id,
    });
    await stream.append(0, [...sampleEvents(1, 40), odd], [BODY]);
    const before = await readAll(stream);
    await stream.close();
    const catalogue = openModelCatalogue({ url, ledger: LEDGER });
    await catalogue.create("trades", { tables: TABLES, modelVersion: 1 });
    const store = await catalogue.openForWriting("trades", 1);
    await store.commit(putEntries([entry("a", 1, { order: "\\N" })], 30));
    await store.close();
    await catalogue.close();

    another = await startThrowAwayServer(binDir);
    const file = join(another.dataDir, "..", "dump.sql");
    await run(join(binDir, "pg_dump"), ["--no-owner", "-f", file, url]);
    await run(join(binDir, "psql"), ["-q", "-v", "ON_ERROR_STOP=1", "-f", file, another.url]);

    const moved = await open(another.url);
    expect(await readAll(moved)).toEqual(before);
    expect(brokenAt(before, { ledger: LEDGER, hashing: nodeHashing })).toBeNull();
    expect([...((await moved.body(BODY.sha256)) ?? [])]).toEqual([...BODY.bytes]);
    const models = openModelCatalogue({ url: another.url, ledger: LEDGER });
    const followed = await models.openForWriting("trades", 1);
    expect(await followed.checkpoint()).toEqual(checkpointAt(30));
    expect(await followed.get(ENTRIES, ["a", 1])).toMatchObject({ order: "\\N" });
    await followed.commit(putEntries([entry("a", 2)], 41));
    await followed.close();
    expect(await models.create("trades", { tables: TABLES, modelVersion: 1 })).toBe(2);
    await models.close();
    expect(await moved.append(41, sampleEvents(42, 43))).toMatchObject({ outcome: "appended" });
    expect(brokenAt(await readAll(moved), { ledger: LEDGER, hashing: nodeHashing })).toBeNull();
    await moved.close();
  });
});
