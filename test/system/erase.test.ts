import type { DataOf } from "@counterfoil/contracts/fact";
import { bodyErasedEvent, bodyErasedId } from "@counterfoil/core/erasure";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import {
  type Erasable,
  eraseBodies,
  findErasable,
  isShared,
} from "@counterfoil/processing/erasure";
import { verifyStream } from "@counterfoil/processing/generations/verify";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import { NothingThere } from "@counterfoil/processing/operator";
import { findBody, findDelivery } from "@counterfoil/processing/queries/deliveries";
import { explainedDeliveries } from "@counterfoil/processing/queries/explain/explain";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { playFlow } from "../engines/flow.ts";
import { emptyStream, exportText, importText } from "./exports.ts";
import { ACCOUNT, balanceBody, take } from "./messages.ts";
import { ENGINES, hashing, LEDGER, openTestLedger, refold, type TestLedger } from "./support.ts";

const QUERY = { translations: TRANSLATIONS, hashing, standings: null };
const BY = { note: "request 4711", actor: "Ann" };

let ledger: TestLedger;
const opened: TestLedger[] = [];
const kept = (given: TestLedger): TestLedger => {
  opened.push(given);
  return given;
};
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

const verify = () => verifyStream({ stream: ledger.stream, ledger: LEDGER, hashing, bodies: true });
const erasing = () => ({ ...ledger, hashing, ...BY });

async function erasable(target: { participant: string } | { deliveryId: string }) {
  const pages = await Array.fromAsync(findErasable({ ...ledger, hashing }, target));
  return pages.flat();
}

const digestOf = async (deliveryId: string): Promise<string> => {
  const found = await findDelivery(ledger.stream, deliveryId, QUERY);
  return (found?.received.data as DataOf<"DeliveryReceived"> | undefined)?.sha256 ?? "";
};

describe.each(ENGINES)("on %s", (engine) => {
  beforeEach(async () => {
    ledger = kept(await openTestLedger({ engine }));
  });

  const balance = (run: number, participant_code = "DEF456") =>
    balanceBody({ run, at: 1000 * run, balance: "1", change: "1", account: { participant_code } });

  test("a delivery's bytes go, its facts stay, and everybody is told who did it", async () => {
    const { deliveryId } = await take(ledger, { body: balance(1) });
    await take(ledger, { body: balance(2) });
    await ledger.catchUp();
    const before = { facts: (await findDelivery(ledger.stream, deliveryId, QUERY))?.facts };
    const states = await ledger.states();
    const found = await erasable({ deliveryId });
    expect(found).toMatchObject([{ delivery_id: deliveryId, others: [], is_needed: false }]);
    expect(await eraseBodies(erasing(), found)).toMatchObject({ erased: 1 });
    const erased = { actor: "Ann", note: "request 4711", erased_at: expect.any(String) };
    expect(await findBody(ledger.stream, deliveryId, QUERY)).toMatchObject({ bytes: null, erased });
    expect(await findDelivery(ledger.stream, deliveryId, QUERY)).toMatchObject({
      ...before,
      erased,
    });
    const told = await explainedDeliveries(ledger.stream, [deliveryId], QUERY);
    expect(told).toMatchObject([{ id: deliveryId, body: "gone", erased }]);
    expect(await verify()).toMatchObject({ findings: [], bodies: 1 });
    await ledger.catchUp();
    expect(await ledger.states()).toEqual(states);
    // Nothing brings them back: neither a repeat, nor the same bytes over another channel.
    await take(ledger, { body: balance(1) });
    const again = await take(ledger, { body: balance(1), payloadType: "weather.changed" });
    expect(await ledger.stream.body(await digestOf(again.deliveryId))).toBeNull();
    expect((await verify()).findings).toEqual([]);
    expect(await erasable({ deliveryId })).toEqual([]);
    expect(await eraseBodies(erasing(), found)).toMatchObject({ erased: 0 });
  });

  test("a participant's bytes are found wherever they name it, and whom they name besides", async () => {
    await take(ledger, { body: balance(1) });
    await take(ledger, { body: balance(2, "DEF4567") });
    const odd = JSON.stringify(ACCOUNT).replace("DEF456", "\\u0044EF456");
    await take(ledger, { body: odd, payloadType: "weather.changed" });
    await take(ledger, { body: "DEF456, but no JSON" });
    const both = { participant_code: "DEF456", parties: [{ participant_code: "BBB" }] };
    await take(ledger, { body: both, payloadType: "weather.changed" });
    const found = await erasable({ participant: "DEF456" });
    expect(found.map(({ others }) => others)).toEqual([[], [], null, ["BBB"]]);
    expect(found.map(isShared)).toEqual([false, false, true, true]);
    expect(await erasable({ participant: "DEF45" })).toEqual([]);
    const [last] = found.slice(-1) as [Erasable];
    expect(await erasable({ deliveryId: last.delivery_id })).toMatchObject([
      { others: ["BBB", "DEF456"] },
    ]);
  });

  test("one that is not there is said", async () => {
    await expect(erasable({ deliveryId: "nobody" })).rejects.toThrow(NothingThere);
    const ledgerOpened = (await ledger.events())[0]?.id ?? "";
    await expect(erasable({ deliveryId: ledgerOpened })).rejects.toThrow(NothingThere);
  });

  test("what is recorded as erased and stored still is shown to nobody, and a finding", async () => {
    const { deliveryId } = await take(ledger, { body: balance(1) });
    const [found] = await erasable({ deliveryId });
    const { sha256, length } = found as Erasable;
    const event = bodyErasedEvent({ sha256, length, delivery_id: deliveryId, ...BY }, hashing);
    const { position } = await ledger.stream.head();
    await ledger.stream.append(position, [event]);
    expect(await findBody(ledger.stream, deliveryId, QUERY)).toMatchObject({ bytes: null });
    expect((await verify()).findings).toMatchObject([
      { what: "body_left", position: position + 1 },
    ]);
    expect(await eraseBodies(erasing(), await erasable({ deliveryId }))).toMatchObject({
      erased: 0,
    });
    expect((await verify()).findings).toEqual([]);
  });

  test("bytes that are gone without an erasure are a finding as ever", async () => {
    const { deliveryId } = await take(ledger, { body: balance(1) });
    const other = await digestOf(deliveryId);
    const stream = { ...ledger.stream, bodies: async () => new Map() };
    const { findings } = await verifyStream({ stream, ledger: LEDGER, hashing, bodies: true });
    expect(findings).toMatchObject([{ what: "body_missing", detail: `no body ${other}` }]);
  });
});

test("a ledger whose bytes are all erased is rebuilt, exported and imported as before", async () => {
  ledger = kept(await playFlow({ order: 1, together: 1 }));
  const checkpoints = await ledger.checkpoints();
  const deliveries = await ledger.events(["DeliveryReceived"]);
  const all: Erasable[] = [];
  for (const { id: deliveryId } of deliveries) all.push(...(await erasable({ deliveryId })));
  expect(all.some(isShared)).toBe(true);
  const { erased } = await eraseBodies(erasing(), all);
  expect(erased).toBe(new Set(all.map(({ sha256 }) => sha256)).size);
  expect(await verify()).toMatchObject({ findings: [], bodies: 0 });
  for (const model of MODEL_NAMES) {
    const { checkpoint } = await refold(ledger.stream, PROJECTIONS[model]);
    expect([model, checkpoint.state_digest]).toEqual([model, checkpoints[model].state_digest]);
  }
  const stream = emptyStream();
  const text = await exportText(ledger.stream);
  expect(text).not.toMatch(/"base64":"/);
  await importText(stream, text);
  expect(await stream.head()).toEqual(await ledger.stream.head());
  const known = await stream.findByIds(all.map(({ sha256 }) => bodyErasedId(sha256, hashing)));
  expect(known.known.size).toBe(erased);
});
