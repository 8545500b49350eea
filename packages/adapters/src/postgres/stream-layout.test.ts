import { StreamCorrupted } from "@counterfoil/processing/ports/errors";
import { sampleEvent } from "@counterfoil/processing/testing/sample-event";
import { beforeEach, expect, test } from "@jest/globals";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { openEventStream } from "./event-stream.ts";
import { ledgerSchema } from "./server.ts";
import { findOtherLayout } from "./stream-layout.ts";
import { describePostgres } from "./testing/use-postgres.ts";

describePostgres("a layout that somebody changed", (use) => {
  let ledger = "";
  let schema = "";

  const open = (readOnly = false) =>
    openEventStream({
      ...{ url: use().url, ledger, hashing: nodeHashing, clock: systemClock, readOnly },
    });
  const find = () => findOtherLayout({ url: use().url, ledger });
  const query = (sql: string) => use().query(sql.replaceAll("$s", schema));

  beforeEach(async () => {
    ledger = use().newLedger();
    schema = ledgerSchema(ledger);
    const stream = await open();
    await stream.append(0, [sampleEvent(1)]);
    await stream.close();
  });

  const TRIGGER = `
    CREATE FUNCTION $s.quiet() RETURNS trigger AS $$ BEGIN RETURN NULL; END $$ LANGUAGE plpgsql;
    CREATE TRIGGER quiet BEFORE INSERT ON $s.bodies FOR EACH ROW EXECUTE FUNCTION $s.quiet()`;

  test.each([
    [
      "ALTER TABLE $s.events DROP CONSTRAINT events_id_key",
      /^index events_id_key is missing: .*ALTER TABLE \S+ ADD CONSTRAINT events_id_key UNIQUE \(id\)$/,
    ],
    ["DROP INDEX $s.events_rare", /^index events_rare is missing: .*CREATE INDEX events_rare ON/],
    [
      "DROP INDEX $s.events_about; CREATE INDEX events_about ON $s.events (about)",
      /^index events_about is "\(about\)", expected "\(about, position\) of some rows": .*DROP INDEX \S+; CREATE/,
    ],
    [
      "ALTER TABLE $s.bodies DROP CONSTRAINT bodies_pkey",
      /^index bodies_pkey is missing: .*PRIMARY KEY \(sha256\)$/,
    ],
    [
      "ALTER TABLE $s.events ALTER data DROP NOT NULL",
      /^table events is ".*data text", expected ".*data text NOT NULL": .*export/,
    ],
    [TRIGGER, /^trigger quiet is not this program's: .*DROP TRIGGER "quiet" ON \S+$/],
    [
      "CREATE RULE quiet AS ON DELETE TO $s.events DO INSTEAD NOTHING",
      /^rule quiet is not this program's: .*DROP RULE "quiet" ON \S+$/,
    ],
    [
      "CREATE POLICY mine ON $s.events USING (position > 1)",
      /^policy mine is not this program's: .*DROP POLICY "mine" ON \S+$/,
    ],
    [
      "ALTER TABLE $s.events ADD CONSTRAINT mine CHECK (type <> 'a')",
      /^constraint mine is not this program's: .*ALTER TABLE \S+ DROP CONSTRAINT "mine"$/,
    ],
    [
      "CREATE UNIQUE INDEX one ON $s.events (subject)",
      /^index one is not this program's: .*DROP INDEX \S+$/,
    ],
  ])("is named by verify, and the printed statement mends it: %s", async (sql, says) => {
    expect(await find()).toEqual([]);
    await query(sql);
    const found = await find();
    expect(found).toEqual([expect.stringMatching(says)]);
    const [, statement] = found[0]?.match(/: ((?:ALTER|CREATE|DROP) .*)$/) ?? [];
    if (statement === undefined) return;
    await query(statement);
    expect(await find()).toEqual([]);
  });

  test("is no finding where the same index has another name, or one more serves other readers", async () => {
    await query(`ALTER INDEX $s.events_about RENAME TO amendments;
      CREATE INDEX recorded ON $s.events (recorded_at)`);
    expect(await find()).toEqual([]);
  });

  test("is appended to by nobody where nothing keeps ids unique, and read by all", async () => {
    await query(`ALTER TABLE $s.events DROP CONSTRAINT events_id_key;
      CREATE UNIQUE INDEX other ON $s.events (id, position);
      CREATE UNIQUE INDEX late ON $s.events (id) WHERE position > 9`);
    const opening = open();
    await expect(opening).rejects.toThrow(StreamCorrupted);
    await expect(opening).rejects.toThrow(/nothing keeps event ids unique .*`counterfoil verify`/);
    const reader = await open(true);
    expect((await reader.head()).position).toBe(1);
    await reader.close();
    await query("CREATE UNIQUE INDEX again ON $s.events (id)");
    await (await open()).close();
  });
});
