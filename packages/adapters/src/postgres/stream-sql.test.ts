import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { beforeAll, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { ALWAYS_BY_INDEX, closeClient, openClient, queryCells } from "./client.ts";
import { openEventStream } from "./event-stream.ts";
import { serverOf } from "./server.ts";
import { streamStatements } from "./stream-sql.ts";
import { describePostgres } from "./testing/use-postgres.ts";

const IDS = sampleEvents(1, 1_000).map(({ id }) => id);

describePostgres("questions to a stream on PostgreSQL", (use) => {
  let ledger = "";
  beforeAll(async () => {
    const { url, newLedger } = use();
    ledger = newLedger();
    const options = { url, ledger, hashing: nodeHashing, clock: systemClock };
    const stream = await openEventStream(options);
    for (let at = 0; at < 6_000; at += 1_000) {
      await stream.append(at, sampleEvents(at + 1, at + 1_000));
    }
    await stream.close();
  });

  const QUESTIONS = [
    ["head", [], ["events_pkey"]],
    ["hashAt", [7], ["events_pkey"]],
    ["page", [1_000, 2_000], ["events_pkey"]],
    ["pageBackwards", [0, 2_000, 1_000], ["events_pkey"]],
    ["windowOfTypes", [0, 2_000, ["MovementRecorded"], 10], ["events_pkey"]],
    ["windowOfTypesBackwards", [0, 2_000, ["MovementRecorded"], 10], ["events_pkey"]],
    ["ofIndexedTypes", [["FactSeen"], 100, 2_000, 10], ["events_rare"]],
    ["ofIndexedTypesBackwards", [["FactSeen"], 100, 2_000, 10], ["events_rare"]],
    ["findByIds", [IDS], ["events_pkey", "events_id_key", "events_about"]],
    ["at", [[1, 7, 900]], ["events_pkey"]],
    ["idPositions", [IDS], ["events_id_key"]],
    ["amendmentPositions", [IDS], ["events_about"]],
    ["takenId", [IDS], ["events_id_key"]],
    ["body", ["a"], ["bodies_pkey"]],
    ["bodies", [["a", "b"]], ["bodies_pkey"]],
  ] as const;

  test.each(QUESTIONS)(
    "%s goes by its index, also before there are figures",
    async (name, values, indexes) => {
      const client = await openReader();
      for (const isAnalyzed of [false, true]) {
        if (isAnalyzed) await client.query(`ANALYZE counterfoil_${ledger}.events`);
        const plan = await planOf(client, name, values);
        const scans = [...plan.matchAll(/(Index[\w ]* Scan[\w ]*) using (\w+)/g)];
        expect(scans.map(([, , index]) => index)).toEqual(indexes);
        expect(plan).not.toMatch(/Seq Scan|Bitmap/);
      }
      closeClient(client);
    },
  );

  test("no statement is compiled, though a scan that cannot be avoided counts as expensive", async () => {
    const client = await openReader();
    const text = `EXPLAIN ANALYZE SELECT type FROM counterfoil_${ledger}.events`;
    const plan = (await queryCells(client, { text })).join("\n");
    expect(plan).toMatch(/Seq Scan.*cost=1\d{10}/);
    expect(plan).not.toMatch(/JIT/);
    closeClient(client);
  });

  function openReader(): Promise<Client> {
    const settings = { ...ALWAYS_BY_INDEX };
    const options = { access: "read", timeoutMs: 10_000, isPipelined: false, settings } as const;
    return openClient(serverOf(use().url), options);
  }

  async function planOf(
    client: Client,
    name: keyof ReturnType<typeof streamStatements>,
    values: readonly unknown[],
  ): Promise<string> {
    const { text } = streamStatements(ledger)[name];
    const rows = await queryCells(client, { text: `EXPLAIN ${text}` }, values);
    return rows.map(([line]) => line).join("\n");
  }
});
