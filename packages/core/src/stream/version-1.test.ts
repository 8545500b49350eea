import { readFileSync } from "node:fs";
import { FACTS, type FactType } from "@counterfoil/contracts/fact";
import { describe, expect, test } from "@jest/globals";
import { misnamed } from "../ingest/event.ts";
import { testHashing as hashing } from "../translate/testing/hashing.ts";
import { emptyHead, headOf, sealEvent } from "./chain.ts";
import { readData } from "./read-event.ts";
import {
  FACTS_FILE,
  LEDGER_FILE,
  LEDGER_NAME,
  unsealed,
  versionOneFacts,
  versionOneLedger,
} from "./testing/version-1.ts";

const ledger = versionOneLedger();
const facts = versionOneFacts();

describe("what version 1 stored", () => {
  test.each([
    [FACTS_FILE, "2854207bd8bac4a50e761bd4a109ac30d256b0fa66b4c4c230d067a301ec2d27"],
    [LEDGER_FILE, "f2e841b86384b8c0fb1c518750fcbafcc43e9a257acd4a5687bf706d37edd6b9"],
  ])("never changes: %s", (file, sha256) => {
    expect(hashing.sha256(readFileSync(file))).toBe(sha256);
  });

  test("is of every type that there was", () => {
    const types = [...new Set(facts.map(({ type }) => type))];
    expect(types).toHaveLength(23);
    expect(new Set(ledger.map(({ type }) => type))).toEqual(new Set(types));
    expect(Object.keys(FACTS)).toEqual(expect.arrayContaining(types));
    for (const { schema_version } of [...facts, ...ledger]) expect(schema_version).toBe(1);
  });

  test.each(facts.map((fact) => [fact.type, fact.data, fact] as const))(
    "%s is read, and nothing of it is lost: %s",
    (type, _data, fact) => {
      const data = readData(fact);
      expect(FACTS[type as FactType].parse(data)).toEqual(data);
    },
  );

  test("its ledger is read event by event", () => {
    for (const event of ledger) {
      const data = readData(event);
      expect(FACTS[event.type as FactType].parse(data)).toEqual(data);
    }
  });

  test("its facts are those that their data names", () => {
    const found = ledger.map((event) => misnamed(event, readData(event), hashing));
    expect(found.filter((one) => one !== null)).toEqual([]);
  });

  test("its chain holds, and sealing the same events gives it again", () => {
    let head = emptyHead(LEDGER_NAME, hashing);
    for (const event of ledger) {
      expect(sealEvent(head, unsealed(event), event.recorded_at, hashing)).toEqual(event);
      head = headOf(event);
    }
    expect(head.position).toBe(50);
  });
});
