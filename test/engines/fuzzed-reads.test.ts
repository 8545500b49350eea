import { join } from "node:path";
import { describePostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { createReadiness } from "@counterfoil/http/operations";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { SCENARIOS } from "@counterfoil/simulator/play-deliveries";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  createTestGateway,
  type TestGateway,
  testHeads,
} from "../../services/gateway/src/testing/test-gateway.ts";
import { newFolder, removeFolders } from "../e2e/support/folder.ts";
import { playScenario, take } from "../system/messages.ts";
import {
  type Engine,
  type OpenTestEngine,
  openTestLedger,
  patience,
  runs,
  type TestLedger,
} from "../system/support.ts";
import { postgresEngine } from "./server-engines.ts";

/* Every route of the OpenAPI document, asked for what nobody should ask. 10,000: COUNTERFOIL_TEST_RUNS=50. */
const REQUESTS = runs(200);

type Parameter = Readonly<{ name: string; in: "path" | "query" }>;
type Described = Readonly<{
  parameters?: Parameter[];
  responses: Readonly<Record<string, Readonly<{ content?: object }>>>;
}>;
/** Waited for to its end, it would never come: its own tests cut it. */
const isEndless = ({ responses }: Described): boolean =>
  "text/event-stream" in (responses[200]?.content ?? {});

type Operation = Readonly<{ path: string; parameters: readonly Parameter[] }>;

/** Longer than a request waits for a position, and shorter than it may take in all. */
const WAIT_MS_MAX = 10_000;

/** Waits for no position, so that one that nobody reaches is answered at once; a request's time never ends. */
const impatient = (clock: Clock): Clock => ({
  ...clock,
  sleep: (ms) => (ms > WAIT_MS_MAX ? new Promise(() => undefined) : Promise.resolve()),
});

/** Percent-encoded where it can be; what cannot be encoded goes out as it stands. */
const encoded = (text: string): string =>
  text.isWellFormed() ? encodeURIComponent(text) : encodeURIComponent(text.toWellFormed());

const HOSTILE = [
  ...["%00", "a%00b", "%", "%ZZ", "%FF", "%C0%80", "%ED%A0%80", "%F4%90%80%80", "%2F..%2F", "%25"],
  ...["", ".", "..", "null", "undefined", "__proto__", "constructor", "toString", "-1", "0", "1e9"],
  ...["9223372036854775807", "9223372036854775808", "99999999999999999999", "1".repeat(400)],
  ...[
    "zerohash:",
    "zerohash:%25",
    "zerohash:%25ZZ:a:b:c:d",
    "layer1:a:b:c",
    "zerohash:a:b:c:d:e:f",
  ],
  ...[
    "2025-05-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "0000-01-01T00:00:00Z",
    "2025-13-41T99:00:00Z",
  ],
  ...["x".repeat(3000), "%C3%A9".repeat(3000), "'", '"', "\\", ";--", "%F0%9F%92%A9", "%EF%BF%BF"],
  ...["true", "false", "available", "BTC", "DEF456", "balances", "settled", "open", "zerohash"],
] as const;

/** What a cursor may be forged with; JSON has no other kinds of value. */
const FORGED: readonly unknown[] = [
  ...[null, true, {}, [], [[]], "", "\u0000", "a\u0000b", "\ud800", "\udc00a", "x".repeat(3000)],
  ...[-1, 0, 0.5, 1e300, -1e300, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 63],
  ...["9223372036854775807", "9223372036854775808", "-9223372036854775809", "9999999999999999999"],
  ...["0", "-1", "99999999999999999999", "1.5", "balances", "deposits", "zerohash:a"],
];

/** A cursor of a route with other values in its key, or more of them, or fewer. */
function forge(cursor: string, values: readonly unknown[], shape: "same" | "free"): string {
  const content = JSON.parse(Buffer.from(cursor, "base64url").toString());
  const key = content.key.map((value: unknown, at: number) => values[at] ?? value);
  const forged = { ...content, key: shape === "same" ? key : values };
  return Buffer.from(JSON.stringify(forged)).toString("base64url");
}

function define(engineOf: () => Engine | OpenTestEngine): void {
  let ledger: TestLedger;
  let gateway: TestGateway;
  let operations: readonly Operation[] = [];
  /** By path, one that the list gave out. */
  const cursors = new Map<string, string>();
  const ids = new Set<string>();

  beforeAll(async () => {
    ledger = await openTestLedger({ engine: engineOf(), live: false });
    for (const name of SCENARIOS.keys()) await playScenario(ledger, name);
    for (const payloadType of ["unknown", "unheard"]) await take(ledger, { body: {}, payloadType });
    await ledger.catchUp();
    const { stream, catalogue, clock } = ledger;
    // Positions are waited for in no time; whether the service is ready is asked with patience.
    const readiness = createReadiness(async () => void (await stream.head()), clock);
    const heads = testHeads({ stream, catalogue, clock }, join(newFolder(), "head.key"));
    const deps = { clock: impatient(clock), readiness, heads };
    gateway = await createTestGateway({ stream, catalogue, clock }, deps);
    const { body } = await gateway.get("/openapi.json");
    operations = Object.entries(body.paths).flatMap(([path, methods]) => {
      const { get } = methods as { get?: Described };
      return get === undefined || isEndless(get)
        ? []
        : [{ path, parameters: get.parameters ?? [] }];
    });
    for (const { path } of operations) if (!path.includes("{")) await visit(path);
    for (const { path } of operations) {
      for (const id of [...ids].slice(0, 300)) {
        if (path.includes("{") && !cursors.has(path)) await visit(path, id);
      }
    }
  }, patience(120));
  afterAll(async () => {
    await gateway?.stop();
    await ledger?.close();
    removeFolders();
  });

  async function visit(path: string, id = ""): Promise<void> {
    const url = `${path.replace(/\{\w+\}/, encoded(id))}?limit=1`;
    const { body } = await gateway.get(url);
    if (typeof body?.next_cursor === "string") cursors.set(path, body.next_cursor);
    const { body: page } = await gateway.get(path);
    for (const record of Array.isArray(page?.data) ? page.data : []) {
      for (const [name, value] of Object.entries(record)) {
        if (/id$/.test(name) && typeof value === "string") ids.add(value);
      }
    }
  }

  const valueArbitrary = () =>
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...HOSTILE) },
      { weight: 3, arbitrary: fc.constantFrom(...ids).map(encoded) },
      { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 30 }).map(encoded) },
      { weight: 1, arbitrary: fc.constantFrom(...ids).map((id) => `${encoded(id)}%00`) },
      { weight: 1, arbitrary: fc.nat().map(String) },
    );

  const cursorArbitrary = (path: string) =>
    fc.oneof(
      fc.constantFrom(...HOSTILE),
      fc.constantFrom(...cursors.values()),
      fc.base64String().map(encoded),
      fc.json().map((text) => Buffer.from(text).toString("base64url")),
      fc
        .tuple(
          fc.constantFrom(cursors.get(path) ?? [...cursors.values()][0] ?? ""),
          fc.array(fc.constantFrom(...FORGED), { maxLength: 4 }),
          fc.constantFrom("same" as const, "same" as const, "free" as const),
        )
        .map(([cursor, values, shape]) => forge(cursor, values, shape)),
    );

  const urlArbitrary = ({ path, parameters }: Operation) => {
    const asked = parameters.filter((each) => each.in === "query");
    const queries = asked.map(({ name }) =>
      fc.tuple(fc.constant(name), name === "cursor" ? cursorArbitrary(path) : valueArbitrary()),
    );
    const stranger = fc.tuple(fc.constantFrom("%00", "limit", "cursor", "x"), valueArbitrary());
    return fc
      .tuple(
        valueArbitrary(),
        fc.array(fc.oneof(...queries, ...queries, ...queries, stranger), { maxLength: 3 }),
      )
      .map(([value, query]) => {
        const text = query.map(([name, given]) => `${name}=${given}`).join("&");
        return path.replace(/\{\w+\}/g, () => value) + (text && `?${text}`);
      });
  };

  test(
    "no request is answered with a fault of ours",
    async () => {
      const answers = new Map<number, number>();
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...operations).chain(urlArbitrary),
          fc.oneof(
            { weight: 20, arbitrary: fc.constant("GET" as const) },
            fc.constantFrom("HEAD" as const, "PUT" as const, "DELETE" as const),
          ),
          async (url, method) => {
            const { status, body } = await gateway.send(method, url);
            answers.set(status, (answers.get(status) ?? 0) + 1);
            // A model does not come so far in the time that is waited for it: asked for, answered.
            if (status === 503 && /_position=/.test(url)) return;
            expect([url.slice(0, 500), status < 500 ? "" : JSON.stringify(body)]).toEqual([
              url.slice(0, 500),
              "",
            ]);
          },
        ),
        { numRuns: REQUESTS },
      );
      // Otherwise it only ever asked for what is not there.
      expect(answers.get(200)).toBeGreaterThan(REQUESTS / 20);
      expect(answers.get(400)).toBeGreaterThan(REQUESTS / 20);
      if (REQUESTS > 1000) console.info(Object.fromEntries(answers));
    },
    patience(60),
  );

  test("%00 is no text: in a path there is no such thing, in a query it is invalid", async () => {
    for (const { path, parameters } of operations) {
      if (!path.includes("{")) continue;
      const { status } = await gateway.get(path.replace(/\{\w+\}/, "a%00b"));
      expect([path, status]).toEqual([path, 404]);
      expect(parameters.length).toBeGreaterThan(0);
    }
    for (const url of ["/v1/balances?asset=%00", "/v1/deposits?participant_code=a%00"]) {
      expect(await gateway.get(url)).toMatchObject({
        status: 400,
        body: { code: "invalid_query" },
      });
    }
  });

  test("an id that is too long leads nowhere", async () => {
    for (const { path } of operations.filter((each) => each.path.includes("{"))) {
      for (const id of ["x".repeat(3000), "%C3%A9".repeat(1200), "x".repeat(10_000)]) {
        const { status } = await gateway.get(path.replace(/\{\w+\}/, id));
        expect([path, [400, 404].includes(status)]).toEqual([path, true]);
      }
    }
  });

  test("a forged cursor is refused, or is a place like any other", async () => {
    expect(cursors.size).toBeGreaterThan(8);
    for (const [path, cursor] of cursors) {
      const { length } = JSON.parse(Buffer.from(cursor, "base64url").toString()).key;
      for (const value of FORGED) {
        const url = path.replace(/\{\w+\}/, encoded([...ids][0] ?? ""));
        for (const place of [0, length - 1]) {
          const values = Array.from({ length }, (_, at) => (at === place ? value : undefined));
          const { status } = await gateway.get(`${url}?cursor=${forge(cursor, values, "same")}`);
          expect([path, value, [200, 400, 404].includes(status)]).toEqual([path, value, true]);
        }
      }
    }
  });
}

describe("on SQLite", () => define(() => "sqlite"));
describePostgres("on PostgreSQL", (use) => define(() => postgresEngine(use().url)));
