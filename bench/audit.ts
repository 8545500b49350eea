import { createPrivateKey, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createHeadKeyFile } from "@counterfoil/adapters/node/keys";
import { nodeBase64, nodeHashing, systemClock } from "@counterfoil/adapters/node/runtime";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import { createFeedSessions } from "@counterfoil/core/ingest/feed-session";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { createHeads } from "@counterfoil/processing/audit/heads";
import { proveAccount } from "@counterfoil/processing/audit/prove-account";
import { verifyStream } from "@counterfoil/processing/generations/verify";
import { createIngest } from "@counterfoil/processing/ingest/ingest";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { createMemoryRoleLocks } from "@counterfoil/processing/testing/memory-role-locks";
import { appendAll, inFolder, openBenchStream } from "./append.ts";
import { benchDeliveries } from "./ledger.ts";
import { alternate, type BenchOptions, type BenchRow } from "./measure.ts";
import { webhookBody } from "./zero-hash-webhooks.ts";

const NAMES = { name: "default", environment: "production" };

/**
 * Verification and proofs for auditors. Both rows measure CPU time: one core does the work, and
 * CPU time depends less on other programs than wall time.
 */
export function benchVerify({ facts, accounts, rounds }: BenchOptions): Promise<BenchRow> {
  return inFolder(async (folder) => {
    const stream = await openBenchStream(folder);
    await openLedger(stream, NAMES, nodeHashing);
    await appendAll(
      stream,
      [...benchDeliveries(Math.ceil(facts / 3), accounts)].flatMap((d) => d.facts),
    );
    const { position: events } = await stream.head();
    const options = { stream, ledger: NAMES.name, hashing: nodeHashing, bodies: false };
    const ours = () => cpuRate(events, () => verifyStream(options));
    const limit = () => cpuRate(events, () => hashBare(folder));
    await ours();
    const measured = await alternate(rounds, ours, limit);
    await stream.close();
    return {
      name: "events verified a second of the processor, SQLite: chain, tree, shapes, ids",
      unit: "events/s",
      limitName: "a bare scan, SHA-256 of each row's text",
      target: 100_000,
      ...measured,
      ratio: null,
    };
  });
}

/** Events, or other units, per CPU second. */
async function cpuRate(count: number, work: () => unknown): Promise<number> {
  const started = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(started);
  return count / ((user + system) / 1_000_000);
}

function hashBare(folder: string): void {
  const database = new DatabaseSync(join(folder, "stream.db"), { readOnly: true });
  const all = database.prepare("SELECT id, subject, data FROM events ORDER BY position");
  all.setReturnArrays(true);
  let before = "";
  for (const row of all.iterate()) before = nodeHashing.sha256(`${before}${row}`);
  database.close();
}

/** One in this many deliveries belongs to the proven account. */
const OTHERS = 3;

/** Here `facts` is the number of entries of one account, each from a separate webhook. */
export function benchProve({ facts: entries, rounds }: BenchOptions): Promise<BenchRow> {
  return inFolder(async (folder) => {
    const stream = await openBenchStream(folder);
    await openLedger(stream, NAMES, nodeHashing);
    const account = await ingestWebhooks(stream, entries);
    const catalogue = openModelCatalogue({ dataDir: folder });
    const signer = createHeadKeyFile(join(folder, "head.key"));
    const locks = createMemoryRoleLocks();
    const options = {
      ...{ ledger: NAMES.name, stream, catalogue, locks, clock: systemClock },
      ...{ hashing: nodeHashing, signer, base64: nodeBase64 },
    };
    await createHeads(options).make();
    const prove = () => proveAccount(options, { account, at: null, since: [] });
    const ours = () =>
      cpuRate(1, async () => writeFile(join(folder, "proof.json"), (await prove()).parts));
    const limit = () => cpuRate(1, () => writeBare(folder, account));
    await ours();
    const measured = await alternate(rounds, ours, limit);
    await catalogue.close();
    await stream.close();
    return {
      name: `a proof of an account with ${entries.toLocaleString("en")} entries, SQLite`,
      unit: "s of the processor",
      ours: 1 / measured.ours,
      limit: 1 / measured.limit,
      limitName: "its rows and bodies as JSON, SHA-256 of each, one signature over all",
      ratio: null,
      target: 1,
      isBetterBelow: true,
    };
  });
}

/** @returns the account to which every third webhook belongs */
async function ingestWebhooks(stream: EventStream, entries: number): Promise<string> {
  const feedSessions = createFeedSessions();
  const parts = { stream, translations: TRANSLATIONS, hashing: nodeHashing, clock: systemClock };
  const ingest = createIngest({ ...parts, feedSessions });
  const others = [...benchDeliveries(entries * (OTHERS - 1), entries)].map(webhookBody);
  const own = [...benchDeliveries(entries, 1)].map((one) =>
    webhookBody(one).replaceAll("P000000", "HOT").replaceAll('"run_id":"', '"run_id":"9'),
  );
  const waiting: Promise<unknown>[] = [];
  for (const [at, body] of own.entries()) {
    for (const text of [body, ...others.slice(at * (OTHERS - 1), (at + 1) * (OTHERS - 1))]) {
      waiting.push(
        ingest.submit({
          ...{ provider: "zerohash", channel: "webhook", payloadType: "account_balance.changed" },
          ...{ notificationId: null, place: null, verdict: { signature: "valid" } },
          ...{ bytes: Buffer.from(text), receivedAt: systemClock.now(), correlationId: null },
        }),
      );
    }
    if (waiting.length >= 256) await Promise.all(waiting.splice(0));
  }
  await Promise.all(waiting);
  await ingest.stop();
  return "zerohash:HOT:ABC123:general:available:BTC";
}

function writeBare(folder: string, account: string): void {
  const database = new DatabaseSync(join(folder, "stream.db"), { readOnly: true });
  const columns = "id, type, subject, CAST(recorded_at AS TEXT), causation_id, hash, data";
  const rows = database
    .prepare(
      `WITH own AS (SELECT * FROM events WHERE subject = ?)
       SELECT ${columns}, NULL FROM own UNION ALL
       SELECT d.id, d.type, d.subject, CAST(d.recorded_at AS TEXT), d.causation_id, d.hash, d.data, b.bytes
       FROM events AS d JOIN bodies AS b ON b.sha256 = d.data ->> 'sha256'
       WHERE d.id IN (SELECT causation_id FROM own)`,
    )
    .all(account);
  for (const { data } of rows) nodeHashing.sha256(String(data));
  const text = JSON.stringify(rows, (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value,
  );
  sign(null, Buffer.from(text), createPrivateKey(readFileSync(join(folder, "head.key"))));
  writeFileSync(join(folder, "bare.json"), text);
  database.close();
}
