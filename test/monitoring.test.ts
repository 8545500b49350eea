import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemClock as clock } from "@counterfoil/adapters/node/runtime";
import { configSchema } from "@counterfoil/contracts/config";
import { ERROR_CODES } from "@counterfoil/contracts/http";
import { anomalyKind } from "@counterfoil/contracts/operations-record";
import { measureLedger } from "@counterfoil/gateway/metrics";
import { measureAnswers } from "@counterfoil/http/operations";
import { createMetrics } from "@counterfoil/ingestor/telemetry";
import { createProjectorMetrics } from "@counterfoil/projector/metrics";
import { createPublisherMetrics } from "@counterfoil/publisher/metrics";
import { describe, expect, test } from "@jest/globals";
import { fastify } from "fastify";
import { createRegistry } from "../services/counterfoil/src/service/service.ts";
import { ROOT } from "./support/module-graph.ts";
import {
  describePrometheus,
  RULES,
  readDashboardQueries,
  readRules,
} from "./support/monitoring.ts";
import { readRootFile } from "./support/root-file.ts";

const rules = readRootFile(RULES);
const proof = readRootFile("infra/monitoring/rules.test.yml");
const runbook = readRootFile("docs/runbook.md");

/** The names that processes with every role register. */
function registeredNames(): readonly string[] {
  const head = async () => ({ position: 0, hash: new Uint8Array() }) as never;
  const options = { registry: createRegistry(), clock, stream: { head, read: async () => [] } };
  createMetrics(options.registry);
  createPublisherMetrics(options);
  createProjectorMetrics({ registry: options.registry, clock });
  measureAnswers(fastify(), options.registry);
  const models = { snapshot: () => Promise.reject(new Error("not asked")) };
  measureLedger({ ...options, models, config: configSchema.parse({}) });
  return options.registry.getMetricsAsArray().map(({ name }) => name);
}

const namesIn = (text: string) =>
  new Set(
    [...text.matchAll(/\b(?:counterfoil|http)_[a-z_]+/g)].map(([name]) =>
      name.replace(/_bucket$/, ""),
    ),
  );

test("the rules and the dashboard watch what the program exposes", () => {
  const registered = registeredNames();
  const used = [...namesIn(rules), ...readDashboardQueries().flatMap(([, e]) => [...namesIn(e)])];
  expect(used.length).toBeGreaterThan(20);
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

test("every kind of anomaly but what stops, which has alerts of its own, raises one", () => {
  const patterns = [...rules.matchAll(/kind=~"([^"]+)"/g)].map(([, text]) => `^(?:${text})$`);
  const unseen = anomalyKind.options.filter(
    (kind) => !patterns.some((pattern) => new RegExp(pattern).test(kind)),
  );
  expect(unseen).toEqual(["stopped"]);
});

const HEADINGS = new Set(
  [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  ),
);

describe("the runbook", () => {
  test.each(readRules().map(({ alert, annotations }) => [alert, annotations.runbook_url] as const))(
    "says what to do about %s",
    (alert, url) => {
      const [file = "", heading = ""] = url.split("#");
      expect(existsSync(join(ROOT, file))).toBe(true);
      expect(heading).toBe(alert.toLowerCase());
      expect(HEADINGS).toContain(heading);
    },
  );

  test.each([...anomalyKind.options, "quarantine"])("says what to do about %s", (kind) => {
    expect(HEADINGS).toContain(kind);
  });
});

describePrometheus("promtool", "promtool", () => {
  const promtool = (...args: readonly string[]) =>
    spawnSync("promtool", args, { cwd: join(ROOT, "infra/monitoring"), encoding: "utf8" });

  test("finds the rules valid, and that they fire when they must and not else", () => {
    const checked = promtool("check", "rules", "rules.yml");
    expect([checked.stderr, checked.status]).toEqual(["", 0]);
    const tested = promtool("test", "rules", "rules.test.yml");
    expect([tested.stdout, tested.status]).toEqual([expect.stringContaining("SUCCESS"), 0]);
  });

  test("finds the configuration valid", () => {
    expect(promtool("check", "config", "prometheus.yml").status).toBe(0);
  });
});
