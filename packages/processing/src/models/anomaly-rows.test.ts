import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { ModelStore } from "../ports/model-store.ts";
import { createRowBuffer, type RowBuffer } from "../projection/row-buffer.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import { acknowledgeAnomaly, closeAnomaly, openAnomaly } from "./anomaly-rows.ts";
import { ANOMALIES, ANOMALY_CHANGES, ATTENTION, ATTENTION_COUNTS } from "./columns.ts";

let store: ModelStore;
let buffer: RowBuffer;

beforeEach(async () => {
  const catalogue = createMemoryModelCatalogue();
  const tables = [ANOMALIES, ANOMALY_CHANGES, ATTENTION_COUNTS];
  await catalogue.create("balances", { tables, modelVersion: 1 });
  store = await catalogue.openForWriting("balances", 1);
  buffer = createRowBuffer(store, await store.checkpoint(), hashing);
});

const ID = "gap:a:1..4";

/** Facts of a delivery that are recorded at this time. */
const of = (position: number, deliveryId: string | null = null, recordedAt = 1n) => ({
  ...{ position, deliveryId, recordedAt },
});

function open(position: number, amount: string, deliveryId: string | null = null) {
  const detail = { missing_amount: amount };
  const content = { id: ID, kind: "gap", subject: "a", detail, essence: detail, at: 1n };
  return openAnomaly(buffer, content, of(position, deliveryId));
}

function acknowledge(position: number, asOf: number) {
  const target = { anomaly_id: ID, model: "balances", as_of: `${asOf}` } as const;
  const by = { note: "known", actor: "Ann", recordedAt: 7n };
  return acknowledgeAnomaly(buffer, { ...target, ...by, position });
}

/** The anomaly's attention and who acknowledged it, and the counts of its kind. */
async function now() {
  const row = await buffer.get(ANOMALIES, [ID]);
  const counts = await buffer.get(ATTENTION_COUNTS, ["gap"]);
  return [row?.attention, row?.acknowledged_by, counts?.open, counts?.unacknowledged];
}

const OPEN = [ATTENTION.open, null, 1, 1];
const KNOWN = [ATTENTION.acknowledged, "Ann", 1, 0];

describe("an acknowledged anomaly", () => {
  test("stays acknowledged while it is unchanged", async () => {
    await open(5, "1");
    await acknowledge(8, 7);
    expect(await now()).toEqual(KNOWN);
    await open(9, "1");
    expect(await now()).toEqual(KNOWN);
  });

  test("is not acknowledged if it changed after the position that the person saw", async () => {
    await open(5, "1");
    await open(9, "2");
    await acknowledge(10, 8);
    expect(await now()).toEqual(OPEN);
    await acknowledge(11, 9);
    expect(await now()).toEqual(KNOWN);
  });

  test("is open again when it changes or is reopened", async () => {
    await open(5, "1");
    await acknowledge(6, 5);
    await open(7, "2");
    expect(await now()).toEqual(OPEN);
    await acknowledge(8, 7);
    await closeAnomaly(buffer, ID, of(9));
    expect(await now()).toEqual([ATTENTION.closed, "Ann", 0, 0]);
    await acknowledge(10, 9);
    expect((await now())[0]).toBe(ATTENTION.closed);
    await open(11, "2");
    expect(await now()).toEqual(OPEN);
  });
});

describe("an anomaly that the same delivery opens and closes", () => {
  test("is removed and not counted", async () => {
    await open(5, "1", "d");
    await closeAnomaly(buffer, ID, of(6, "d"));
    expect(await now()).toEqual([undefined, undefined, 0, 0]);
  });

  test("stays, with who acknowledged it, where a later translation closes it", async () => {
    await open(5, "1", "d");
    await acknowledge(6, 5);
    await closeAnomaly(buffer, ID, of(7, "d", 2n));
    expect(await now()).toEqual([ATTENTION.closed, "Ann", 0, 0]);
  });
});

test("counts match the rows, also after a commit", async () => {
  await open(5, "1");
  await buffer.commit(5, "");
  await acknowledge(6, 5);
  await buffer.commit(6, "");
  expect(await store.get(ATTENTION_COUNTS, ["gap"])).toMatchObject({ open: 1, unacknowledged: 0 });
  expect(await store.count(ANOMALIES, [{ column: "attention", is: ">", value: 0 }])).toBe(1);
});
