import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import type { Translate, Translations } from "@counterfoil/core/translate/translation";
import { verifyStream } from "@counterfoil/processing/generations/verify";
import { retranslate } from "@counterfoil/processing/ingest/retranslate";
import { retryQuarantined } from "@counterfoil/processing/ingest/retry-quarantined";
import { isOpen, readQuarantine } from "@counterfoil/processing/queries/quarantine";
import { shuffleDeliveries } from "@counterfoil/simulator/delivery/delivery-plan";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { planOf, scenarioArbitrary } from "./arbitraries.ts";
import { balanceBody, frameBody, snapshotBody, take } from "./messages.ts";
import {
  hashing,
  LEDGER,
  openTestLedger,
  patience,
  runs,
  stateDifferences,
  type TestLedger,
} from "./support.ts";

const read = TRANSLATIONS.versions[TRANSLATIONS.present] as Translate;

/** A program that cannot read some payloads yet. */
const blind: Translate = (source, hashes) => {
  const isUnknown = source.payloadType !== "feed" && (source.text?.length ?? 0) % 3 === 0;
  if (isUnknown) return { ok: false, reason: "shape", detail: "not yet" };
  return read(source, hashes);
};

/** The next version of it, which can. */
const seeing: Translate = (source, hashes) => {
  const reading = read(source, hashes);
  if (!reading.ok) return reading;
  const facts = reading.facts.map((fact) => ({ ...fact, data: { ...fact.data, translation: 2 } }));
  return { ...reading, facts: facts as typeof reading.facts };
};

const BEFORE: Translations = { present: 1, versions: { 1: blind } };
const AFTER: Translations = { present: 2, versions: { 1: blind, 2: seeing } };

const quarantine = ({ stream }: Pick<TestLedger, "stream">) =>
  Array.fromAsync(readQuarantine(stream, { translations: AFTER, hashing }));

async function retryAll({ stream, clock }: TestLedger, translations: Translations) {
  const outcomes: string[] = [];
  for (const delivery of await quarantine({ stream })) {
    if (delivery.resolved_position !== null) continue;
    const { outcome } = await retryQuarantined(delivery, { stream, clock, translations, hashing });
    outcomes.push(outcome);
  }
  return outcomes;
}

const open = async (ledger: TestLedger) => (await quarantine(ledger)).filter(isOpen);

describe("what nobody can read", () => {
  test(
    "is kept, and read once a translation can: as if it always could",
    async () => {
      await fc.assert(
        fc.asyncProperty(scenarioArbitrary, async (scenario) => {
          const { seed } = scenario;
          const plan = shuffleDeliveries(planOf(scenario).plan, seed);
          const clean = await openTestLedger({ seed });
          await clean.play(plan);
          await clean.catchUp();
          const ledger = await openTestLedger({ seed, translations: BEFORE });
          await ledger.play(plan);
          const quarantined = await open(ledger);
          expect(await retryAll(ledger, BEFORE)).toEqual(quarantined.map(() => "unreadable"));
          expect(await retryAll(ledger, AFTER)).toEqual(quarantined.map(() => "resolved"));
          expect(await open(ledger)).toEqual([]);
          const { position } = await ledger.stream.head();
          expect(await retryAll(ledger, AFTER)).toEqual([]);
          await ledger.translateWith(AFTER);
          await ledger.play(plan.filter(({ kind }) => kind === "webhook"));
          expect((await ledger.stream.head()).position).toBe(position);
          await ledger.catchUp();
          expect(await stateDifferences(ledger, clean)).toEqual([]);
          const { stream } = ledger;
          const verified = await verifyStream({ stream, ledger: LEDGER, hashing, bodies: true });
          expect(verified.findings).toEqual([]);
          const again = await retranslate({ ...ledger, translations: AFTER, hashing });
          expect(again.appended).toEqual({});
          await ledger.close();
          await clean.close();
        }),
        { numRuns: runs(6) },
      );
    },
    patience(60),
  );

  test.each([
    ["not JSON", "{", "not_json"],
    [
      "no identity",
      { ...balanceBody({ run: 1, change: "1", balance: "1", at: 1 }), run_id: "" },
      "shape",
    ],
    [
      "no amount",
      balanceBody({ run: 1, change: "1..0", balance: "1", at: 1_746_000_000_000 }),
      "amount",
    ],
    [
      "U+0000",
      balanceBody({ run: 1, change: "1", balance: "1", at: 1, account: { asset: "B\u0000C" } }),
      "not_json",
    ],
    ["a repeated key", '{"run_id":"1","run_id":"2"}', "not_json"],
    ["a year beyond", balanceBody({ run: 1, change: "1", balance: "1", at: 9e15 }), "time"],
  ])("%s: acknowledged, kept with its bytes, listed once", async (_, body, reason) => {
    const ledger = await openTestLedger();
    const receipt = await take(ledger, { body });
    expect(receipt).toMatchObject({ outcome: "quarantined", reason });
    expect(await take(ledger, { body })).toMatchObject({ outcome: "repeated" });
    expect(await quarantine(ledger)).toMatchObject([
      { delivery_id: receipt.deliveryId, reason, attempts: 1, resolved_position: null },
    ]);
    const [received] = await ledger.events(["DeliveryReceived"]);
    const bytes = await ledger.stream.body(JSON.parse(received?.data ?? "{}").sha256);
    const text = typeof body === "string" ? body : JSON.stringify(body);
    expect(Buffer.from(bytes ?? []).toString()).toBe(text);
    await ledger.close();
  });

  test("a snapshot with two ids for one account was not asked for in the multi-chain format", async () => {
    const ledger = await openTestLedger();
    const connection = "c-1";
    const openedAt = ledger.clock.now();
    await ledger.feedOpened({ provider: "zerohash", connection, multi_chain: true, openedAt });
    const body = snapshotBody([
      { asset: "USDC", account_id: "a-1", balance: "1" },
      { asset: "USDC", account_id: "a-2", balance: "2" },
    ]);
    const place = (frame: number) => ({ connection, frame });
    expect(await take(ledger, { body, place: place(1) })).toMatchObject({
      outcome: "quarantined",
      reason: "single_chain",
    });
    const update = frameBody({ run: 1, change: "1", balance: "1", at: 1_746_000_000_000 });
    expect(await take(ledger, { body: update, place: place(2) })).toMatchObject({
      outcome: "recorded",
    });
    await ledger.close();
  });
});
