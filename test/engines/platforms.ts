import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryKeyStore } from "@counterfoil/processing/testing/memory-key-store";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  createTestGateway,
  type KeyHeaders,
  type TestGateway,
  testHeads,
} from "../../services/gateway/src/testing/test-gateway.ts";
import {
  createTestLedger,
  type TestEngine,
  type TestLedger,
} from "../../services/gateway/src/testing/test-ledger.ts";
import { type Books, keepBooks, type Owned, PLATFORMS } from "./platform-books.ts";

export type OpenEngine = (clock: TestLedger["clock"]) => Promise<TestEngine>;

/** Keys: without a platform, of each, of a customer's code, of one who is with two, of a stranger. */
const KEYS = [null, ...PLATFORMS, "alder-c1", "dual", "stranger"] as const;
type Key = (typeof KEYS)[number];

/** Who asks, about platforms of how many customers each, and how much they ask in all. */
export type Asked = Readonly<{
  asking: readonly Key[];
  customers: number;
  combinationsMin: number;
}>;

/** Every key, in a large world. */
export const WHOLE: Asked = { asking: KEYS, customers: 4, combinationsMin: 5_000 };

/** What every key may see of a generated world: no less than its own, and nothing else. */
export function describePlatforms(
  name: string,
  open: OpenEngine,
  { asking, customers, combinationsMin }: Asked,
): void {
  describe(`what keys of platforms see on ${name}`, () => {
    const books = keepBooks(customers);
    const folder = mkdtempSync(join(tmpdir(), "counterfoil-matrix-"));
    const keys = new Map<Key, KeyHeaders>();
    const deliveries: (Owned & Readonly<{ hasBytesFor: (key: string) => boolean }>)[] = [];
    let gateway: TestGateway;
    let ledger: TestLedger;
    let address: string;
    const asked = new Set<string>();

    beforeAll(async () => {
      ledger = await createTestLedger(open);
      for (const { step, facts, bytes } of books.steps) {
        const { deliveryId: id } = await ledger.deliver(step);
        const owners = new Set(facts.flatMap((each) => [...each]));
        const hasBytesFor = (key: string) =>
          bytes?.has(key) ?? (facts.length > 0 && facts.every((each) => each.has(key)));
        deliveries.push({ id, owners, hasBytesFor });
      }
      await ledger.fold();
      gateway = await createTestGateway(ledger, {
        keys: createMemoryKeyStore(),
        heads: testHeads(ledger, join(folder, "head.key")),
      });
      address = await gateway.start();
      for (const platform of KEYS) keys.set(platform, await gateway.newKey({ platform }));
      // Keys are events too, and whoever asks for the head waits until they are folded.
      await ledger.fold();
    });

    afterAll(async () => {
      rmSync(folder, { recursive: true });
      await gateway.stop();
      await ledger.catalogue.close();
      await ledger.stream.close();
    });

    /** Asks, and looks for marks that are not the key's: in bodies, headers and cursors. */
    async function ask(key: Key, url: string) {
      asked.add(`${key} ${url}`);
      const { status, body, raw, headers } = await gateway.send("GET", url, keys.get(key));
      const text = raw.toString();
      // What was asked for is quoted where it does not exist.
      const told = status === 404 ? text.replaceAll(lastPart(url.replace(/\?.*/, "")), "") : text;
      const cursor = Buffer.from(String(body?.next_cursor ?? ""), "base64url").toString();
      const strange = marksIn(`${told}${cursor}${JSON.stringify(headers)}`).filter(
        (mark) => !isSeen(key, { owners: books.marks.get(mark) ?? new Set() }),
      );
      expect([key, url, strange]).toEqual([key, url, []]);
      return { status, body, text };
    }

    async function all(key: Key, url: string): Promise<readonly Shown[]> {
      const found: Shown[] = [];
      for (let cursor: string | null = null; ; ) {
        const paged: string = cursor === null ? "" : `&cursor=${cursor}`;
        const { status, body } = await ask(key, url + paged);
        expect([url, status]).toEqual([url, 200]);
        found.push(...body.data);
        cursor = body.next_cursor;
        if (cursor === null) return found;
      }
    }

    const idsOf = (records: readonly Owned[], key: Key) =>
      records.filter((one) => isSeen(key, one)).map(({ id }) => id);

    async function expectIds(key: Key, url: string, expected: readonly string[]): Promise<void> {
      const ids = (await all(key, url)).map(({ id }) => id);
      expect([key, url, ids.sort()]).toEqual([key, url, [...expected].sort()]);
    }

    test.each(asking)("%s: one account, run, record, delivery at a time", async (key) => {
      const one = async (url: string, isThere: boolean) => {
        const { status, body } = await ask(key, url);
        expect([key, url, status]).toEqual([key, url, isThere ? 200 : 404]);
        if (!isThere) expect(body.detail).toMatch(/^there is no \w+ "/);
      };
      const explains = async (kind: string, { id }: Owned, isThere: boolean) =>
        one(`/v1/explain/${kind}/${encodeURIComponent(id)}?limit=20`, isThere);
      for (const account of books.accounts) {
        const path = `/v1/accounts/${encodeURIComponent(account.id)}`;
        await one(path, isSeen(key, account));
        await one(`${path}/entries`, isSeen(key, account));
        await explains("balance", account, isSeen(key, account));
        const called = books.accounts.filter(({ accountId }) => accountId === account.accountId);
        const own = idsOf(called, key);
        const { status, body } = await ask(key, `/v1/accounts/${account.accountId}`);
        expect(status).toBe(own.length === 0 ? 404 : own.length === 1 ? 200 : 409);
        if (own.length > 1) expect(body.candidates).toEqual(own.toSorted());
      }
      for (const run of books.runs) {
        await one(`/v1/runs/${run.id}`, isSeen(key, run));
        await explains("run", run, isSeen(key, run));
      }
      for (const model of MODELS) {
        for (const record of books[model]) {
          await one(`/v1/${model}/${record.id}`, isSeen(key, record));
          await one(`/v1/${model}/${record.id}/history`, isSeen(key, record));
          await explains(model.slice(0, -1), record, isSeen(key, record));
        }
      }
      for (const delivery of deliveries) {
        const path = `/v1/deliveries/${delivery.id}`;
        await one(path, isSeen(key, delivery));
        await one(`${path}/body`, key === null || delivery.hasBytesFor(key));
      }
    });

    test.each(asking)("%s: balances, now and before", async (key) => {
      const seen = books.accounts.filter((account) => isSeen(key, account));
      const ids = (accounts: readonly Owned[]) => idsOf(accounts, key);
      const layer1 = key === null ? LAYER1.map((type) => `${layer1Of(books)}:${type}`) : [];
      await expectIds(key, "/v1/balances?limit=7", [...ids(seen), ...layer1]);
      for (const asset of ["BTC", "USD", "XRP"]) {
        const own = seen.filter((account) => account.asset === asset);
        await expectIds(key, `/v1/balances?limit=5&asset=${asset}`, ids(own));
        await expectIds(
          key,
          `/v1/balances?account_id=shared-${asset}`,
          ids(own.filter(({ accountId }) => accountId === `shared-${asset}`)),
        );
      }
      for (const code of [...PLATFORMS, "alder-c1", "birch-c2", "dual", "stranger"]) {
        const [by, of] = [`participant_code=${code}`, `account_group=${code}`];
        await expectIds(
          key,
          `/v1/balances?${by}`,
          ids(seen.filter((it) => it.participant === code)),
        );
        await expectIds(key, `/v1/balances?${of}`, ids(seen.filter((it) => it.group === code)));
      }
      const { body } = await ask(key, "/v1/status");
      const moments = [
        `at_position=${body.data.head}`,
        "as_of=2026-01-01T00:00:00Z",
        "known_at=2026-06-01T00:00:00Z",
      ];
      for (const moment of moments) {
        await expectIds(key, `/v1/balances?limit=9&${moment}`, [...ids(seen), ...layer1]);
      }
      // Nobody is told of a time before anything of his was known.
      expect(await all(key, "/v1/balances?at_position=1")).toEqual([]);
    });

    test.each(asking)("%s: totals, each account once", async (key) => {
      const moment = await ask(key, "/v1/status");
      for (const then of ["", `&at_position=${moment.body.data.head}`]) {
        const groups = "group_by=account_group&group_by=account_type&group_by=provider";
        const { body } = await ask(key, `/v1/totals?${groups}${then}`);
        const balances = await all(key, "/v1/balances?limit=50");
        let accounts = 0;
        for (const total of body.data) accounts += total.accounts;
        expect(accounts).toBe(balances.length);
      }
      expect((await ask(key, "/v1/totals?at_position=1")).body.data).toEqual([]);
    });

    test.each(asking)("%s: what an identifier stands for", async (key) => {
      const records = MODELS.flatMap((model) => books[model] as readonly Owned[]);
      const all = [...books.accounts, ...books.runs, ...records, ...deliveries];
      for (const one of all) {
        const { status, body } = await ask(key, `/v1/search?q=${encodeURIComponent(one.id)}`);
        const isFound = body.data.length > 0;
        expect([key, one.id, status, isFound]).toEqual([key, one.id, 200, isSeen(key, one)]);
      }
      for (const code of [...PLATFORMS, "alder-c1", "birch-c2", "dual", "stranger"]) {
        const { body } = await ask(key, `/v1/search?q=${code}`);
        const seen = books.accounts.filter((account) => isSeen(key, account));
        const isThere = seen.some((it) => it.participant === code || it.group === code);
        expect([key, code, body.data.length > 0]).toEqual([key, code, isThere]);
      }
    });

    test.each(asking)("%s: lists of records", async (key) => {
      for (const model of MODELS) {
        const records = books[model];
        await expectIds(key, `/v1/${model}?limit=4`, idsOf(records, key));
        await expectIds(key, `/v1/${model}?limit=500&asset=XRP`, []);
      }
      for (const code of [...PLATFORMS, "alder-c1", "cedar-c3", "dual"]) {
        for (const model of ["withdrawals", "deposits"] as const) {
          const own = books[model].filter((record) => isSeen(key, record));
          const by = `/v1/${model}?limit=6&participant_code=${code}`;
          await expectIds(
            key,
            by,
            idsOf(
              own.filter((it) => it.participant === code),
              key,
            ),
          );
          const of = `/v1/${model}?limit=6&account_group=${code}`;
          await expectIds(
            key,
            of,
            idsOf(
              own.filter((it) => it.group === code),
              key,
            ),
          );
        }
      }
      for (const model of MODELS) {
        const some = books[model].filter((_, at) => at % 5 === 0);
        for (const record of some) {
          await expectIds(key, `/v1/${model}?identifier=${record.id}`, idsOf([record], key));
        }
        const asked = some.slice(0, 20).map(({ id }) => `identifier=${id}`);
        await expectIds(key, `/v1/${model}?${asked.join("&")}`, idsOf(some.slice(0, 20), key));
      }
      const codes = [...PLATFORMS, "dual"].map((code) => `participant_code=${code}`).join("&");
      const several = await all(key, `/v1/deposits?limit=6&${codes}`);
      const owned = books.deposits.filter(({ participant }) =>
        [...PLATFORMS, "dual"].some((code) => code === participant),
      );
      expect(several.map(({ id }) => id).sort()).toEqual(idsOf(owned, key).toSorted());
      // Who is paid by whom is the payer's platform's business only where it is itself.
      for (const { beneficiary, id } of books.withdrawals) {
        if (beneficiary === null) continue;
        await expectIds(
          key,
          `/v1/withdrawals?participant_code=${beneficiary}`,
          key === null ? [id] : [],
        );
      }
    });

    test.each(asking)("%s: past moments", async (key) => {
      const { body } = await ask(key, "/v1/status");
      const known = [`at_position=${body.data.head}`, "known_at=2026-06-01T00:00:00Z"];
      const moments = [...known, "as_of=2026-01-01T00:00:00Z"];
      for (const moment of [...moments, `${moments[0]}&${moments[2]}`]) {
        for (const model of MODELS) {
          await expectIds(key, `/v1/${model}?limit=3&${moment}`, idsOf(books[model], key));
        }
        for (const record of MODELS.flatMap((model) => books[model].slice(0, 6))) {
          const model = MODELS.find((each) => books[each].includes(record as never));
          for (const rest of ["", "/history"]) {
            const { status } = await ask(key, `/v1/${model}/${record.id}${rest}?${moment}`);
            expect([record.id, status]).toEqual([record.id, isSeen(key, record) ? 200 : 404]);
          }
          const explained = `/v1/explain/${model?.slice(0, -1)}/${record.id}?limit=2&${moment}`;
          const { status } = await ask(key, explained);
          expect([explained, status]).toEqual([explained, isSeen(key, record) ? 200 : 404]);
        }
        for (const account of books.accounts.slice(0, 8)) {
          const path = `/v1/accounts/${encodeURIComponent(account.id)}`;
          for (const rest of ["", "/entries"]) {
            const { status } = await ask(key, `${path}${rest}?${moment}`);
            expect([account.id, status]).toEqual([account.id, isSeen(key, account) ? 200 : 404]);
          }
        }
      }
      for (const moment of known) {
        for (const run of books.runs.slice(0, 8)) {
          const { status } = await ask(key, `/v1/runs/${run.id}?${moment}`);
          expect([run.id, status]).toEqual([run.id, isSeen(key, run) ? 200 : 404]);
        }
        for (const { id } of (await all(null, "/v1/anomalies?limit=50")).slice(0, 12)) {
          if (id.startsWith("stuck:")) continue;
          const path = `/v1/anomalies/${encodeURIComponent(id)}`;
          const { status } = await ask(key, path);
          expect([id, (await ask(key, `${path}?${moment}`)).status]).toEqual([id, status]);
        }
        const stored = async (url: string) =>
          (await all(key, url)).map(({ id }) => id).filter((id) => !id.startsWith("stuck:"));
        const now = await stored("/v1/anomalies?limit=5");
        expect((await stored(`/v1/anomalies?limit=5&${moment}`)).sort()).toEqual(now.sort());
      }
      for (const list of [...MODELS, "anomalies"]) {
        expect(await all(key, `/v1/${list}?at_position=1`)).toEqual([]);
      }
    });

    test.each(asking)("%s: what needs a person", async (key) => {
      const gaps = idsOf(
        books.accounts.filter(({ hasGap }) => hasGap),
        key,
      );
      const found = await all(key, "/v1/anomalies?limit=3&kind=gap&open=true");
      expect([...new Set(found.map(({ subject }) => subject))].sort()).toEqual(gaps.sort());
      for (const query of [
        "limit=5",
        "limit=5&open=true",
        "model=deposits",
        "kind=stuck&limit=5",
      ]) {
        const subjects = (await all(key, `/v1/anomalies?${query}`)).map(({ subject }) => subject);
        if (key === "stranger") expect(subjects).toEqual([]);
      }
      for (const account of books.accounts) {
        const subject = encodeURIComponent(account.id);
        const own = await all(key, `/v1/anomalies?kind=gap&subject=${subject}`);
        expect(own.length > 0).toBe(account.hasGap && isSeen(key, account));
      }
      for (const query of ["limit=5", "limit=5&provider=zerohash&provider=layer1"]) {
        const quarantined = await all(key, `/v1/quarantine?${query}`);
        expect(quarantined.length).toBe(key === null ? 1 : 0);
      }
    });

    test.each(asking)("%s: one anomaly at a time", async (key) => {
      const own = new Set((await all(key, "/v1/anomalies?limit=50")).map(({ id }) => id));
      for (const { id } of await all(null, "/v1/anomalies?limit=50")) {
        const one = encodeURIComponent(id);
        for (const url of [`/v1/anomalies/${one}`, `/v1/explain/anomaly/${one}?limit=20`]) {
          const { status } = await ask(key, url);
          expect([key, url, status]).toEqual([key, url, own.has(id) ? 200 : 404]);
        }
      }
    });

    test.each(asking)("%s: the stream, where nothing of its own is missing", async (key) => {
      const everything = await all(null, "/v1/events?limit=50");
      const events = await all(key, "/v1/events?limit=50");
      const shown = new Set(marksIn(JSON.stringify(events)));
      const ownEvents = new Set(events.map(({ id }) => id));
      for (const { id } of everything.filter((_, at) => at % 9 === 0)) {
        const { status } = await ask(key, `/v1/events/${id}`);
        expect([key, id, status]).toEqual([key, id, ownEvents.has(id) ? 200 : 404]);
      }
      const own = [...books.marks].filter(([, owners]) => isSeen(key, { owners }));
      // What nobody could read is in no event.
      const unread = new Set(key === null ? [[...books.marks.keys()].at(-1)] : []);
      const expected = own.map(([mark]) => mark).filter((mark) => !unread.has(mark));
      expect([...shown].sort()).toEqual(expected.sort());
      if (key === null) return;
      for (const { hash } of events) expect(hash).toBe("0".repeat(64));
      const { body } = await ask(key, "/v1/status");
      expect(body.data).toMatchObject({ head_hash: "0".repeat(64) });
      for (const each of body.data.projections) {
        expect(each).toMatchObject({ digest: "0".repeat(64), stopped_keys: 0 });
      }
    });

    test.each(asking)("%s: deliveries, and the stream backwards", async (key) => {
      const idOf = ({ delivery_id }: Shown) => delivery_id;
      const own = idsOf(deliveries, key);
      const found = await all(key, "/v1/deliveries?limit=9");
      expect(found.map(idOf).sort()).toEqual(own.toSorted());
      for (const { delivery_id, length } of found) {
        const { hasBytesFor } = deliveries.find(({ id }) => id === delivery_id) ?? {};
        expect(length !== null).toBe(key === null || hasBytesFor?.(key) === true);
      }
      const quarantined = await all(key, "/v1/deliveries?outcome=quarantined");
      expect(quarantined).toHaveLength(key === null ? 1 : 0);
      const [there, back] = [
        await all(key, "/v1/events?limit=100"),
        await all(key, "/v1/events?limit=100&order=desc"),
      ];
      expect(back.toReversed()).toEqual(there);
    });

    test.each(asking)("%s: changes, from the first on", async (key) => {
      const { position } = await ledger.stream.head();
      asked.add(`${key} /v1/changes?after=0`);
      const text = await changesUpTo(`${address}/v1/changes?after=0`, position, keys.get(key));
      const strange = marksIn(text).filter(
        (mark) => !isSeen(key, { owners: books.marks.get(mark) ?? new Set() }),
      );
      expect([key, strange]).toEqual([key, []]);
      const last = lastOf(text);
      for (const topic of ["balances", ...MODELS]) {
        const listed = await all(key, `/v1/${topic}?limit=500`);
        const expected = listed.map((one) => ("stuck" in one ? { ...one, stuck: null } : one));
        const found = last.filter(([event]) => event === topic).map(([, data]) => data);
        expect([key, topic, byId(found)]).toEqual([key, topic, byId(expected)]);
      }
    });

    test.each(asking)("%s: nothing that tells of all", async (key) => {
      const signed = ["/v1/heads", "/v1/head", "/v1/proofs/inclusion?position=1"];
      for (const url of [...signed, "/v1/proofs/consistency?from=1&to=1"]) {
        const { status } = await ask(key, url);
        expect([key, url, status]).toEqual([key, url, key === null ? 200 : 404]);
      }
      // None was started; what one shows to whom, the route's own test says.
      expect((await ask(key, "/v1/projections/balances/rebuild")).status).toBe(404);
      const { body } = await ask(key, "/v1/projections");
      if (key !== null) expect(JSON.stringify(body)).not.toMatch(/"(?!0{64})[0-9a-f]{64}"/);
    });

    test("a cursor of one key is none of another's", async () => {
      const { body } = await ask(null, "/v1/balances?limit=2");
      const { status } = await ask("alder", `/v1/balances?limit=2&cursor=${body.next_cursor}`);
      expect(status).toBe(400);
    });

    test("so many combinations were looked at", () => {
      expect(asked.size).toBeGreaterThan(combinationsMin);
    });

    test("by every route that reads", async () => {
      const { body } = await gateway.get("/openapi.json");
      const reading = Object.entries<object>(body.paths).filter(([, methods]) => "get" in methods);
      const routes = reading.map(([path]) => path).filter((path) => path.startsWith("/v1/"));
      expect(routes.length).toBeGreaterThan(25);
      const isAsked = (route: string) => {
        const url = new RegExp(` ${route.replace(/\{\w+\}/g, "[^/?]+")}(?:\\?|$)`);
        return asked.values().some((one) => url.test(one));
      };
      expect(routes.filter((route) => !isAsked(route))).toEqual([]);
    });
  });
}

type Shown = Readonly<
  Record<"id" | "subject" | "hash" | "delivery_id", string> & { length: number | null }
>;

const MODELS = ["withdrawals", "deposits", "trades"] as const;
const LAYER1 = ["available", "blockchain", "reserved"];

const marksIn = (text: string): string[] => [...new Set(text.match(/m\d{4}x/g) ?? [])];

const isSeen = (key: Key, { owners }: Pick<Owned, "owners">): boolean =>
  key === null || owners.has(key);

const lastPart = (url: string): string =>
  decodeURIComponent(
    url
      .replace(/\?.*$/, "")
      .replace(/\/(?:entries|history|body)$/, "")
      .split("/")
      .at(-1) ?? "",
  );

/** The address that the one Layer1 message names. */
function layer1Of({ steps }: Books): string {
  const [address = ""] = JSON.stringify(steps).match(/0xm\d{4}x/) ?? [];
  return `layer1:${address}:ETH`;
}

const byId = (records: readonly Readonly<{ id: string }>[]) =>
  records.toSorted((one, other) => (one.id < other.id ? -1 : 1));

/** What a stream of changes says until it is at a position. */
async function changesUpTo(url: string, position: number, key?: KeyHeaders): Promise<string> {
  const closing = new AbortController();
  const response = await fetch(url, { headers: key?.headers ?? {}, signal: closing.signal });
  let text = "";
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if (text.includes(`: at ${position}\n`)) break;
  }
  closing.abort();
  return text;
}

/** The last of each record, without those that are gone. */
function lastOf(text: string): readonly (readonly [string, Shown])[] {
  const last = new Map<string, readonly [string, Shown & Readonly<{ gone?: true }>]>();
  for (const [, event = "", json = ""] of text.matchAll(/^event: (.*)\ndata: (.*)$/gm)) {
    const data = JSON.parse(json);
    last.set(`${event} ${data.id}`, [event, data]);
  }
  return [...last.values()].filter(([, data]) => data.gone !== true);
}
