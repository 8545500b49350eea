import type { ModelName } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { unsealed, versionOneLedger } from "@counterfoil/core/stream/testing/version-1";
import { verifyStream } from "@counterfoil/processing/generations/verify";
import { ANOMALIES, STOPPED } from "@counterfoil/processing/models/columns";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { openProjectionRun } from "@counterfoil/processing/projection/run";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { describe, expect, test } from "@jest/globals";
import { balanceBody, take } from "./messages.ts";
import { allRows, hashing, LEDGER, openTestLedger, type TestLedger } from "./support.ts";

/*
 * Programs of two versions on one stream: the newer one has written what the older one, which is
 * ours, does not know how to read.
 */
const EVENTS = versionOneLedger();
const newer = (event: RecordedEvent): RecordedEvent => ({ ...event, schema_version: 2 });

/** Of every type that the model folds, one event. */
const CASES = MODEL_NAMES.flatMap((model) =>
  [...PROJECTIONS[model].types].flatMap((type) => {
    const event = EVENTS.find((each) => each.type === type);
    return event ? [[model, type, event] as const] : [];
  }),
);

async function fold(events: readonly RecordedEvent[], model: ModelName) {
  const projection = PROJECTIONS[model];
  const catalogue = createMemoryModelCatalogue();
  const { tables, version: modelVersion } = projection;
  await catalogue.create(model, { tables, modelVersion });
  const store = await catalogue.openForWriting(model, 1);
  const open = (all: readonly RecordedEvent[]) =>
    openProjectionRun({ stream: reading(all), projection, store, hashing });
  const folding = await open(events);
  await folding.fold(events);
  return { store, open };
}

const reading = (events: readonly RecordedEvent[]) =>
  ({
    read: async ({ after, limit }) => events.slice(after, after + limit),
  }) as Pick<EventStream, "read"> as EventStream;

describe("a fact that a newer program wrote", () => {
  test.each(CASES)(
    "stops its key in %s until that program comes: %s",
    async (model, type, event) => {
      const mixed = EVENTS.map((each) => (each === event ? newer(each) : each));
      const { store, open } = await fold(mixed, model);
      const stopped = await allRows(store, STOPPED);
      expect(stopped).toMatchObject([{ subject: event.subject, position: event.position, type }]);
      expect(stopped[0]?.error).toMatch(
        /^SchemaTooNew: .* has schema version 2, and this program knows 1 at most: .*run that one$/,
      );
      const shown = (await allRows(store, ANOMALIES)).filter(({ kind }) => kind === "stopped");
      expect(shown).toMatchObject([{ subject: event.subject, closed_position: null }]);
      expect((await store.checkpoint()).position).toBe(EVENTS.length);

      const mended = await open(EVENTS);
      expect(mended.stoppedSubjects).toBe(0);
      const clean = await (await fold(EVENTS, model)).store.checkpoint();
      expect((await store.checkpoint()).state_digest).toBe(clean.state_digest);
    },
  );

  test("stops nothing in a model that does not fold it", async () => {
    const mixed = EVENTS.map((each) => (each.type === "TradeStatusReported" ? newer(each) : each));
    const { store } = await fold(mixed, "withdrawals");
    expect(await allRows(store, STOPPED)).toEqual([]);
  });

  test("is found by verify, which goes on behind it", async () => {
    const ledger = await openTestLedger({ live: false });
    const written = EVENTS.slice(1).map((event) => ({ ...unsealed(event), schema_version: 2 }));
    await ledger.stream.append(1, written);
    const found = await verifyStream({
      stream: ledger.stream,
      ledger: LEDGER,
      hashing,
      bodies: true,
    });
    expect(found.events).toBe(EVENTS.length);
    expect(found.findings).toHaveLength(written.length);
    for (const { what, detail } of found.findings) {
      expect([what, detail]).toEqual(["data", expect.stringMatching(/newer version has written/)]);
    }
    await ledger.close();
  });
});

const BODY = balanceBody({ run: 1, change: "0.5", balance: "0.5", at: 1_746_000_000_000 });

function tamper({ storage }: TestLedger, types: readonly string[]): void {
  storage.events.forEach((event, at) => {
    if (!types.includes(event.type)) return;
    const changed = newer(event);
    storage.events[at] = changed;
    const known = storage.known.get(event.id);
    if (known) storage.known.set(event.id, { ...known, event: changed });
  });
}

describe("an ingestor beside a newer program", () => {
  test.each([
    ["the facts", ["RunRecorded", "MovementRecorded", "BalanceReported"]],
    ["all of it", ["DeliveryReceived", "RunRecorded", "MovementRecorded", "BalanceReported"]],
  ])("takes a copy, and adds nothing to what that one wrote: %s", async (_what, types) => {
    const ledger = await openTestLedger({ live: false });
    await take(ledger, { body: BODY });
    tamper(ledger, types);
    const before = (await ledger.events()).length;

    expect((await take(ledger, { body: BODY })).outcome).toBe("repeated");
    const copy = await take(ledger, { body: `${JSON.stringify(BODY)} ` });
    const other = await take(ledger, { body: { ...BODY, balance: "7" } });
    expect([copy.outcome, other.outcome]).toEqual(["recorded", "recorded"]);
    const added = (await ledger.events()).slice(before).map(({ type }) => type);
    expect(added).toEqual(["DeliveryReceived", "DeliveryReceived"]);
    await ledger.close();
  });
});
