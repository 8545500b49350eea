import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { documentBreaks } from "@counterfoil/contracts/compatibility/document-breaks";
import { beforeAll, describe, expect, test } from "@jest/globals";
import type { FastifyInstance } from "fastify";
import { createTestGateway } from "../testing/test-gateway.ts";
import { createTestLedger } from "../testing/test-ledger.ts";
import { createAjv, parsed, readFolder } from "./testing/documents.ts";
import { GENERATED, generatedDocuments, printed, readPromised } from "./write-contracts.ts";

type Json = Readonly<Record<string, unknown>>;

let documents: ReadonlyMap<string, Json>;
beforeAll(async () => {
  documents = await generatedDocuments();
});

/** Paths whose texts differ, or that only one of the two has. */
function differing(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>) {
  const paths = new Set([...a.keys(), ...b.keys()]);
  return [...paths].filter((path) => a.get(path) !== b.get(path)).sort();
}

describe("the documents in packages/contracts/generated", () => {
  test("are what the schemas say today", () => {
    const stale = differing(readFolder(GENERATED), printed(documents));
    const advice = "run `npx -y pnpm@10 contracts` and commit what it writes";
    expect({ stale, advice }).toEqual({ stale: [], advice });
  });

  test("come out the same every time", async () => {
    expect(differing(printed(await generatedDocuments()), printed(documents))).toEqual([]);
  });

  test("take back nothing that version 1 promised", () => {
    const promised = readPromised();
    expect(promised.size).toBeGreaterThan(30);
    expect(documentBreaks(promised, documents)).toEqual([]);
  });

  test("are noticed where they would: a header, a field, a route less", () => {
    const promised = parsed(printed(readPromised()));
    const asyncApi = promised.get("asyncapi.json");
    delete asyncApi.components.schemas.FactHeaders.properties.counterfoil_key_sequence;
    delete asyncApi.components.schemas.Balance.properties.asset;
    delete promised.get("openapi.json").paths["/v1/balances"];
    const breaks = documentBreaks(documents, promised);
    expect(breaks).toContain("openapi.json: GET /v1/balances: is gone");
    expect(breaks).toContain("asyncapi.json: topic balances BalanceChanged payload.asset: is gone");
    expect(breaks).toContain(
      "asyncapi.json: topic events MovementRecorded headers.counterfoil_key_sequence: is gone",
    );
  });
});

describe("the OpenAPI document", () => {
  test("is what a gateway serves, whatever else is mounted on its port", async () => {
    const register = async (app: FastifyInstance) => {
      app.post("/webhooks/zerohash", async () => "taken");
    };
    const gateway = await createTestGateway(await createTestLedger(), { register });
    expect((await gateway.get("/openapi.json")).body).toEqual(documents.get("openapi.json"));
    await gateway.stop();
  });

  test("is found without fault by the linter that its readers use, of which a fault is seen", () => {
    const openApi = documents.get("openapi.json") as Json;
    expect(faultsIn(openApi)).toEqual([]);
    const components = { ...(openApi.components as Json), securitySchemes: {} };
    expect(faultsIn({ ...openApi, components })).toContain("security-defined");
  });

  test("has schemas that a validator takes, and refers to nothing that is not there", () => {
    // Of OpenAPI 3.1 every schema is one of 2020-12.
    const text = JSON.stringify(documents.get("openapi.json"));
    const document = JSON.parse(text.replaceAll('"#/components/schemas/', '"#/$defs/'));
    const { schemas: $defs } = document.components;
    const all = [...Object.values($defs), ...schemasIn(document.paths)] as Json[];
    expect(all.length).toBeGreaterThan(100);
    const ajv = createAjv();
    for (const schema of all) expect(ajv.compile({ $defs, ...schema })).toBeInstanceOf(Function);
  });

  test("declares every parameter that its paths hold", () => {
    const { paths } = documents.get("openapi.json") as { paths: Record<string, Json> };
    for (const [path, methods] of Object.entries(paths)) {
      const held = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters = [] } of Object.values(methods) as Operation[]) {
        const declared = parameters.filter((each) => each.in === "path");
        expect(declared.map(({ name }) => name)).toEqual(held);
        expect(declared.every(({ required }) => required)).toBe(true);
      }
    }
  });
});

/** Of which rules a document breaks one, warnings included; nothing is asked of any host. */
function faultsIn(document: Json): readonly string[] {
  const cli = createRequire(import.meta.url).resolve("@redocly/cli/package.json");
  const folder = mkdtempSync(join(tmpdir(), "counterfoil-lint-"));
  writeFileSync(join(folder, "openapi.json"), JSON.stringify(document));
  const command = ["lint", "openapi.json", "--extends=recommended", "--format=json"];
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
  const { stdout } = spawnSync(process.execPath, [join(dirname(cli), "bin/cli.js"), ...command], {
    ...{ cwd: folder, env, encoding: "utf8", timeout: 60_000 },
  });
  rmSync(folder, { recursive: true });
  const { problems } = JSON.parse(stdout) as Readonly<{ problems: readonly { ruleId: string }[] }>;
  return problems.map(({ ruleId }) => ruleId);
}

type Operation = Readonly<{
  parameters?: readonly Readonly<{ in: string; name: string; required?: boolean }>[];
}>;

function schemasIn(node: unknown): readonly unknown[] {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === "schema" ? [value] : schemasIn(value),
  );
}

describe("the AsyncAPI document", () => {
  test("is valid to AsyncAPI's own parser", async () => {
    const { Parser } = createRequire(import.meta.url)("@asyncapi/parser");
    const text = JSON.stringify(documents.get("asyncapi.json"));
    const { document, diagnostics } = await new Parser().parse(text);
    const isError = ({ severity }: Readonly<{ severity: number }>) => severity === 0;
    expect(diagnostics.filter(isError)).toEqual([]);
    const addresses = document.channels().map((channel: Channel) => channel.address());
    expect(addresses).toEqual([
      "{prefix}.events.v1",
      "{prefix}.balances.v1",
      "{prefix}.withdrawals.v1",
      "{prefix}.deposits.v1",
      "{prefix}.trades.v1",
      "{prefix}.anomalies.v1",
      "{prefix}.heads.v1",
    ]);
  });
});

type Channel = Readonly<{ address: () => string }>;
