import { systemClock as clock } from "@counterfoil/adapters/node/clock";
import { ERROR_CODES } from "@counterfoil/contracts/error-code";
import { createMetrics } from "@counterfoil/ingestor/metrics";
import { createProjectorMetrics } from "@counterfoil/projector/metrics";
import { createPublisherMetrics } from "@counterfoil/publisher/metrics";
import { expect, test } from "@jest/globals";
import { createRegistry } from "../services/counterfoil/src/service/operations.ts";
import { readRootFile } from "./support/root-file.ts";

const rules = readRootFile("infra/prometheus/rules.yml");
const proof = readRootFile("infra/prometheus/rules.test.yml");

/** The names that one process with every role registers. */
function registeredNames(): readonly string[] {
  const registry = createRegistry();
  const head = async () => ({ position: 0, hash: new Uint8Array() }) as never;
  const stream = { head, read: async () => [] };
  createMetrics(registry);
  createProjectorMetrics({ registry, stream, clock });
  createPublisherMetrics({ registry, stream, clock });
  return registry.getMetricsAsArray().map(({ name }) => name);
}

const namesIn = (text: string) =>
  new Set(
    [...text.matchAll(/\bcounterfoil_[a-z_]+/g)].map(([name]) => name.replace(/_bucket$/, "")),
  );

test("the rules watch what the program exposes", () => {
  const registered = registeredNames();
  const used = [...namesIn(rules)];
  expect(used.length).toBeGreaterThan(5);
  expect(used.filter((name) => !registered.includes(name))).toEqual([]);
});

test("every figure that the rules watch is in their own test", () => {
  expect([...namesIn(proof)].sort()).toEqual([...namesIn(rules)].sort());
});

test("every error code that they look for can be answered", () => {
  const patterns = [...rules.matchAll(/code=~"([^"]+)"/g)].flatMap(
    ([, text]) => text?.split("|") ?? [],
  );
  expect(patterns.length).toBeGreaterThan(2);
  const codes = Object.keys(ERROR_CODES);
  const unknown = patterns.filter(
    (one) => !codes.some((code) => new RegExp(`^${one}$`).test(code)),
  );
  expect(unknown).toEqual([]);
});
