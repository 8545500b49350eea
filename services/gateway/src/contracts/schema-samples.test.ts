import { FACTS, type FactType } from "@counterfoil/contracts/fact";
import { factHeaders, stateHeaders } from "@counterfoil/contracts/kafka";
import { SAMPLES } from "@counterfoil/core/stream/testing/samples";
import { versionOneFacts, versionOneLedger } from "@counterfoil/core/stream/testing/version-1";
import { eventRecord } from "@counterfoil/processing/queries/events";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { z } from "zod";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger } from "../testing/test-ledger.ts";
import { createAjv, parsed, readFolder, type Validate } from "./testing/documents.ts";
import { GENERATED } from "./write-contracts.ts";

type Sample = Readonly<Record<string, unknown>>;

const schemas = parsed(
  new Map([...readFolder(GENERATED)].filter(([path]) => path.endsWith(".schema.json"))),
);
const ajv = createAjv();
const validators = new Map<string, Validate>(
  [...schemas].map(([path, schema]) => [path.replace(".schema.json", ""), ajv.compile(schema)]),
);

function refusals(name: string, value: unknown): unknown {
  const validate = validators.get(name) as Validate;
  return validate(value) ? null : (validate.errors ?? "refused");
}

/** Takes it as it is and with a field more; refuses it without any one field that must be there. */
function expectChecked(name: string, sample: Sample): void {
  expect([sample, refusals(name, sample)]).toEqual([sample, null]);
  expect(refusals(name, { ...sample, a_field_of_tomorrow: 1 })).toBeNull();
  for (const field of Object.keys(sample)) {
    const { [field]: value, ...rest } = sample;
    expect([field, refusals(name, rest)]).not.toEqual([field, null]);
    // Nothing of ours is a list of one number.
    expect([field, refusals(name, { ...rest, [field]: [1] })]).not.toEqual([field, null]);
    expect(refusals(name, { ...rest, [field]: value })).toBeNull();
  }
}

describe("facts", () => {
  const events = versionOneLedger().map(eventRecord);
  const [first] = events;

  test.each([...new Set(events.map(({ type }) => type))])("%s as it was stored", (type) => {
    const [sample] = events.filter((event) => event.type === type);
    expectChecked(`facts/${type}`, sample as Sample);
    expect(refusals("records/event", sample)).toBeNull();
    for (const other of events) {
      if (other.type !== type) expect(refusals(`facts/${type}`, other)).not.toBeNull();
    }
  });

  test.each(versionOneFacts().map(({ type, data }) => [type, data] as const))(
    "%s with all keys and with few: %s",
    (type, text) => {
      const data = JSON.parse(text);
      expect(refusals(`facts/${type}`, { ...first, type, data })).toBeNull();
      expect(refusals(`facts/${type}`, { ...first, type, data: {} })).not.toBeNull();
      for (const [field, value] of Object.entries(data)) {
        if (typeof value !== "string") continue;
        const broken = { ...data, [field]: 7 };
        expect([field, refusals(`facts/${type}`, { ...first, type, data: broken })]).not.toEqual([
          field,
          null,
        ]);
      }
    },
  );

  test.each(Object.entries(SAMPLES))("%s with every field that it may have", (type, data) => {
    const schema = `facts/${type}`;
    const refused = (changed: object) => refusals(schema, { ...first, type, data: changed });
    expect([data, refused(data)]).toEqual([data, null]);
    for (const field of Object.keys(data)) {
      const { [field]: _value, ...rest } = data as Sample;
      const shape: Readonly<Record<string, z.ZodType>> = FACTS[type as FactType].shape;
      expect([field, refused(rest) === null]).toEqual([field, shape[field]?.isOptional()]);
      // No field of a fact is a list of one number.
      expect([field, refused({ ...rest, [field]: [1] })]).not.toEqual([field, null]);
    }
  });
});

describe("records", () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    const ledger = await createTestLedger();
    for (const flow of ["balances-feed-use-cases", "trade-status"]) await ledger.play(flow);
    gateway = await createTestGateway(ledger);
  });
  afterAll(() => gateway.stop());

  test.each([
    ["balance", "/v1/balances"],
    ["withdrawal", "/v1/withdrawals"],
    ["deposit", "/v1/deposits"],
    ["trade", "/v1/trades"],
    ["anomaly", "/v1/anomalies"],
    ["event", "/v1/events"],
  ])("%s as %s gives it", async (name, url) => {
    const { data } = (await gateway.get(url)).body;
    expect(data.length).toBeGreaterThan(0);
    for (const record of data)
      expect([record, refusals(`records/${name}`, record)]).toEqual([record, null]);
    expectChecked(`records/${name}`, data[0]);
  });

  test("status, entries and problems", async () => {
    expectChecked("records/status", (await gateway.get("/v1/status")).body.data);
    const [{ id }] = (await gateway.get("/v1/balances")).body.data;
    const entries = (await gateway.get(`/v1/accounts/${encodeURIComponent(id)}/entries`)).body.data;
    expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries) expectChecked("records/entry", entry);
    const { body } = await gateway.get("/v1/nothing");
    expectChecked("records/problem", body);
  });

  test("a word that is new is taken where words may grow, and refused where they may not", async () => {
    const [balance] = (await gateway.get("/v1/balances")).body.data;
    expect(refusals("records/balance", { ...balance, provider: "a-third" })).toBeNull();
    expect(refusals("records/balance", { ...balance, status: "nobody-knows" })).not.toBeNull();
    expect(refusals("records/balance", { ...balance, balance: "1e3" })).not.toBeNull();
  });

  test.each(["quarantined-delivery", "rebuild-progress", "run", "delivery"])(
    "nothing at all is no %s",
    (name) => {
      expect(refusals(`records/${name}`, {})).not.toBeNull();
    },
  );
});

describe("headers", () => {
  const common = {
    ce_specversion: "1.0",
    ce_source: "/counterfoil/default",
    ce_time: "2025-04-30T08:00:00.000000001Z",
    "content-type": "application/json",
    counterfoil_ledger: "default",
    counterfoil_position: "12",
  };
  const fact = {
    ...common,
    ce_id: "02922d69-dc22-5c10-ad78-26231f828959",
    ce_type: "RunRecorded",
    ce_subject: "run:zerohash:1",
    counterfoil_key_sequence: "1",
  };
  const state = {
    ...common,
    ce_id: "balances:a:1:12",
    ce_type: "BalanceChanged",
    ce_subject: "a",
    counterfoil_generation: "1",
  };

  test("of a fact and of a record", () => {
    expectChecked("headers/fact-headers", fact);
    expectChecked("headers/state-headers", state);
    expect(factHeaders.parse(fact)).toEqual(fact);
    expect(stateHeaders.parse(state)).toEqual(state);
  });

  test.each([
    ["counterfoil_key_sequence", "0"],
    ["counterfoil_position", "01"],
    ["ce_source", "/counterfoil/"],
    ["ce_time", "yesterday"],
    ["ce_specversion", "0.3"],
  ])("refuse %s %s", (name, value) => {
    expect(refusals("headers/fact-headers", { ...fact, [name]: value })).not.toBeNull();
    expect(factHeaders.safeParse({ ...fact, [name]: value }).success).toBe(false);
  });
});
