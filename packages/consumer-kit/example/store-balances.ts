import { DatabaseSync } from "node:sqlite";
import { consume } from "@counterfoil/consumer-kit/consume";
import {
  createFactSequences,
  createStateTable,
  type FindStoredState,
} from "@counterfoil/consumer-kit/reading";
import { Kafka, logLevel } from "kafkajs";

/*
 * A group member that stores its results together with its read position, in one transaction each.
 * Start it twice on one file, and stop or pause either one: the other continues from the stored state.
 *
 *   COUNTERFOIL_KAFKA_BROKERS=127.0.0.1:19092 node example/store-balances.ts results.db [SESSION_TIMEOUT_MS]
 */
const brokers = (process.env.COUNTERFOIL_KAFKA_BROKERS ?? "127.0.0.1:9092").split(",");
const prefix = process.env.COUNTERFOIL_KAFKA_TOPIC_PREFIX ?? "counterfoil";

const database = new DatabaseSync(process.argv[2] ?? "results.db");
database.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA busy_timeout = 5000;
  CREATE TABLE IF NOT EXISTS facts (subject TEXT PRIMARY KEY, number INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS balances (id TEXT PRIMARY KEY, position INTEGER NOT NULL, record TEXT NOT NULL);
`);
const findNumber = database.prepare("SELECT number FROM facts WHERE subject = ?");
const findBalance = database.prepare("SELECT position, record FROM balances WHERE id = ?");
// A process that was paused before its write may have lost its partition: it never replaces what is newer.
const putNumber = database.prepare(`
  INSERT INTO facts VALUES (?, ?)
  ON CONFLICT DO UPDATE SET number = excluded.number WHERE excluded.number > number
`);
const putBalance = database.prepare(`
  INSERT INTO balances VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET position = excluded.position, record = excluded.record
  WHERE excluded.position >= position
`);

const findState: FindStoredState = (_topic, id) => {
  const row = findBalance.get(id);
  if (row === undefined) return null;
  return { position: Number(row.position), record: JSON.parse(String(row.record)) };
};

const consuming = await consume({
  kafka: new Kafka({ clientId: "store-balances", brokers, logLevel: logLevel.ERROR }),
  prefix,
  groupId: `${prefix}-store-balances`,
  sessionTimeout: Number(process.argv[3] ?? 30_000),
  topics: ["events", "balances"],
  sequences: createFactSequences((subject) => Number(findNumber.get(subject)?.number ?? 0)),
  states: createStateTable(findState),
  // One statement is one transaction. Other effects of a fact belong in the same transaction, and only if it
  // changes a row: otherwise another process has handled the fact.
  onFact: ({ key, keySequence }) => void putNumber.run(key, keySequence),
  onChange: ({ key, after, position }) => {
    const { changes } = putBalance.run(key, position, JSON.stringify(after));
    if (changes > 0) console.log(`${position}\t${key}`);
  },
  onHole: ({ key, from, to }) => console.error(`${key}: facts ${from} to ${to} are missing`),
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, consuming.stop);
await consuming.ended;
