import { SCENARIOS } from "@counterfoil/simulator/play-deliveries";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { expectProblem } from "../testing/expectation.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger } from "../testing/test-ledger.ts";

/** What all lists have in common, asked of one ledger with every documented flow on it. */
let gateway: TestGateway;

beforeAll(async () => {
  const ledger = await createTestLedger();
  for (const name of SCENARIOS.keys()) await ledger.play(name);
  gateway = await createTestGateway(ledger);
});

type Identifiers = Readonly<Record<string, unknown> & { movement_ids?: readonly string[] }>;
type Shown = Readonly<Record<string, unknown> & { id: string; updated_at: string }>;

async function listed(url: string): Promise<readonly Shown[]> {
  const { status, body } = await gateway.get(url);
  expect([url, status, body.next_cursor]).toEqual([url, 200, null]);
  return body.data;
}

const listedBy = (model: string, { id }: Shown) =>
  listed(`/v1/${model}?limit=1000&identifier=${encodeURIComponent(id)}`);

const LISTS = [
  ["/v1/balances", ["provider", "participant_code", "asset", "account_type", "account_id"]],
  ["/v1/withdrawals", ["stage", "provider", "asset", "participant_code", "account_group"]],
  ["/v1/deposits", ["stage", "provider", "asset", "participant_code", "account_group"]],
  ["/v1/trades", ["stage", "provider"]],
  ["/v1/anomalies", ["kind", "model", "subject"]],
  ["/v1/events", ["type", "subject"]],
  ["/v1/deliveries", ["provider", "channel", "payload_type", "outcome"]],
] as const;

const FILTERS = LISTS.flatMap(([url, names]) => names.map((name) => [url, name] as const));

describe("a filter", () => {
  test.each(FILTERS)("of %s takes several values: %s", async (url, name) => {
    const all = await listed(`${url}?limit=1000`);
    const found = all
      .map((each) => each[name])
      .filter((value) => typeof value === "string" && value !== "");
    const values = [...new Set(found)].slice(0, 4);
    expect(values.length).toBeGreaterThan(0);
    for (let count = 1; count <= values.length; count += 1) {
      const wanted = values.slice(0, count);
      const query = wanted.map((value) => `&${name}=${encodeURIComponent(String(value))}`).join("");
      const expected = all.filter((each) => wanted.includes(each[name] as string));
      const answer = await listed(`${url}?limit=1000${query}`);
      expect(answer.filter((each) => wanted.includes(each[name] as string))).toEqual(expected);
      const more = answer.filter((each) => !wanted.includes(each[name] as string));
      // Of a participant there is more than what it owns: what is paid to it.
      const isMore = name === "participant_code" && url === "/v1/withdrawals";
      if (!isMore) expect(more).toEqual([]);
      for (const { beneficiary } of more) expect(wanted).toContain(beneficiary);
    }
  });

  test("is refused where it has too many values, or a wrong one among them", async () => {
    const many = Array.from({ length: 21 }, (_, at) => `asset=A${at}`).join("&");
    expectProblem(await gateway.get(`/v1/balances?${many}`), "invalid_query");
    const wrong = await gateway.get("/v1/deposits?stage=credited&stage=lost");
    expectProblem(wrong, "invalid_query");
    expect(wrong.body.errors).toMatchObject(
      [{ parameter: "stage", found: "credited, lost", expected: /^one of .*repeated/ }].map(
        (each) => ({ ...each, expected: expect.stringMatching(each.expected) }),
      ),
    );
  });
});

describe("records", () => {
  test.each(["withdrawals", "deposits", "trades"])("%s of a time", async (model) => {
    const all = await listed(`/v1/${model}?limit=1000`);
    expect(all.length).toBeGreaterThan(0);
    for (const [at, { updated_at }] of all.entries()) {
      const url = `/v1/${model}?limit=1000`;
      const since = await listed(`${url}&updated_since=${updated_at}`);
      const until = await listed(`${url}&updated_until=${updated_at}`);
      expect([...since, ...until]).toEqual(all);
      expect(since.length).toBeGreaterThan(at);
    }
  });

  test.each(["withdrawals", "deposits", "trades"])("%s by any identifier", async (model) => {
    const all = await listed(`/v1/${model}?limit=1000`);
    for (const record of all) {
      const url = `/v1/${model}?identifier=${encodeURIComponent(record.id)}`;
      expect(await listed(url)).toContainEqual(record);
    }
    const [first, last] = [all[0], all.at(-1)] as [Shown, Shown];
    const both = [last, first].map(({ id }) => `identifier=${encodeURIComponent(id)}`).join("&");
    const [ofFirst, ofLast] = [await listedBy(model, first), await listedBy(model, last)];
    const either = all.filter((each) => [...ofFirst, ...ofLast].some(({ id }) => id === each.id));
    expect(await listed(`/v1/${model}?${both}`)).toEqual(either);
    // There is one trade.
    if (model !== "trades") expect(either.length).toBeLessThan(all.length);
    expect(await listed(`/v1/${model}?identifier=nobody`)).toEqual([]);
  });

  test.each(["withdrawals", "deposits"])("%s by what they state as one", async (model) => {
    let found = 0;
    for (const record of await listed(`/v1/${model}?limit=1000`)) {
      const { movement_ids, ...named } = record.identifiers as Identifiers;
      for (const id of [...(movement_ids ?? []), ...Object.values(named)]) {
        if (typeof id !== "string") continue;
        const records = await listed(`/v1/${model}?identifier=${encodeURIComponent(id)}`);
        expect(records.map((each) => each.id)).toContain(record.id);
        found += 1;
      }
    }
    expect(found).toBeGreaterThan(3);
  });
});

describe("pages", () => {
  test.each(LISTS.map(([url]) => url))("of %s are linked, each to the next", async (url) => {
    const all = await listed(`${url}?limit=1000`);
    const found: unknown[] = [];
    let pages = 0;
    for (let next: string | null = `${url}?limit=3`; next !== null; pages += 1) {
      const { status, body, headers } = await gateway.get(next);
      expect(status).toBe(200);
      found.push(...body.data);
      const [, address = null] = /^<([^>]+)>; rel="next"$/.exec(String(headers.link)) ?? [];
      expect(address === null).toBe(body.next_cursor === null);
      if (address !== null) expect(address).toContain("limit=3");
      next = address;
    }
    expect(found).toEqual(all);
    expect(pages).toBeGreaterThan(0);
  });
});
