import { retranslate } from "@counterfoil/processing/ingest/retranslate";
import { retryQuarantined } from "@counterfoil/processing/ingest/retry-quarantined";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { AHEAD_MAX, LATE_ARRIVALS } from "@counterfoil/processing/models/deliveries";
import { readQuarantine } from "@counterfoil/processing/queries/quarantine";
import { describe, expect, test } from "@jest/globals";
import { balanceBody, delivery, take } from "./messages.ts";
import { hashing, openTestLedger, type TestLedger } from "./support.ts";
import { faulty, labelsDropped, mended } from "./translation-bugs.ts";

const AT = 1_746_000_000_000;
const SECOND = 1_000_000_000n;
const DAY = 86_400n * SECOND;
const AFTER = mended(labelsDropped);

const runs = (count: number) =>
  Array.from({ length: count }, (_, at) =>
    balanceBody({ run: 1 + at, change: "1", balance: `${1 + at}`, at: AT + at }),
  );

async function told(ledger: TestLedger) {
  await ledger.catchUp();
  const late = await ledger.rows("balances", LATE_ARRIVALS);
  const anomalies = await ledger.rows("balances", ANOMALIES);
  return {
    late: late.map(({ position }) => Number(position)),
    anomalies: anomalies.map(({ id }) => String(id)),
  };
}

describe("what is recorded long after it arrived", () => {
  test("behind a clock that ran ahead is noted, at the last of its facts, until the right clock gets there", async () => {
    const ledger = await openTestLedger();
    const [first, second, third] = runs(3);
    ledger.clock.set(ledger.clock.now() + DAY);
    await take(ledger, { body: first });
    const ahead = ledger.clock.now();
    ledger.clock.set(ahead - DAY + SECOND);
    await take(ledger, { body: second });
    const behind = await told(ledger);
    const events = (await ledger.events()).filter(({ position }) => behind.late.includes(position));
    expect(events.map(({ type }) => type)).toEqual(["BalanceReported"]);
    expect(behind.anomalies).toHaveLength(1);
    ledger.clock.set(ahead + SECOND);
    await take(ledger, { body: third });
    const there = await told(ledger);
    expect(there.late).toEqual(behind.late);
    const [anomaly] = await ledger.rows("balances", ANOMALIES);
    expect(anomaly?.closed_position).not.toBeNull();
    await ledger.close();
  });

  test.each([
    ["a whole second", 0n],
    ["a fraction of one", 250_000_000n],
  ])("but within the limit says nothing of any clock, recorded at %s", async (_, fraction) => {
    const ledger = await openTestLedger();
    const [body] = runs(1);
    const recordedAt = (ledger.clock.now() / SECOND) * SECOND + fraction;
    ledger.clock.set(recordedAt);
    const late = delivery({ body, receivedAt: recordedAt - AHEAD_MAX + SECOND / 2n });
    await ledger.submit(late);
    expect(await told(ledger)).toEqual({ late: [], anomalies: [] });
    await ledger.close();
  });

  test("by a retry, or by a translation that was mended, says nothing of any clock", async () => {
    const { versions } = faulty(labelsDropped);
    const ledger = await openTestLedger({ translations: { present: 1, versions } });
    const [misread, unread] = runs(2);
    await take(ledger, { body: misread });
    await take(ledger, { body: { ...unread, balance: null } });
    ledger.clock.set(ledger.clock.now() + DAY);
    const options = { ...ledger, hashing, translations: AFTER };
    expect((await retranslate(options)).appended.FactWithdrawn).toBeGreaterThan(0);
    for await (const quarantined of readQuarantine(ledger.stream, options)) {
      await retryQuarantined(quarantined, options);
    }
    expect(await told(ledger)).toEqual({ late: [], anomalies: [] });
    await ledger.close();
  });
});
