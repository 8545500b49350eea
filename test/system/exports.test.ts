import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHeadKeyFile } from "@counterfoil/adapters/node/keys";
import { openEventStream } from "@counterfoil/adapters/sqlite/event-stream";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { createGrowingTree } from "@counterfoil/core/audit/merkle-log";
import { chainHash, emptyHead } from "@counterfoil/core/stream/chain";
import { createHeads } from "@counterfoil/processing/audit/heads";
import { eraseBodies, findErasable } from "@counterfoil/processing/erasure";
import {
  createBodyMemory,
  endLine,
  eventLine,
} from "@counterfoil/processing/exports/export-ledger";
import { checkExport, importLedger } from "@counterfoil/processing/exports/import-ledger";
import { verifyStream } from "@counterfoil/processing/generations/verify";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import { ExportRefused } from "@counterfoil/processing/ports/errors";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { createMemoryRoleLocks } from "@counterfoil/processing/testing/memory-role-locks";
import { createRandom } from "@counterfoil/simulator/random";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { playFlow } from "../engines/flow.ts";
import { emptyStream, exportText, importText, NAMES, readingOf } from "./exports.ts";
import { take } from "./messages.ts";
import {
  allEvents,
  hashing,
  LEDGER,
  openTestLedger,
  refold,
  runs,
  type TestLedger,
} from "./support.ts";

let ledger: TestLedger;
let text: string;
let lines: readonly string[];

beforeAll(async () => {
  ledger = await playFlow({ order: 1, together: 1 });
  text = await exportText(ledger.stream);
  lines = text.split("\n").slice(0, -1);
});
afterAll(() => ledger.close());

const joined = (some: readonly string[]) => `${some.join("\n")}\n`;

/** Why an import of a text is refused; nothing of it got into the ledger. */
async function refusal(bad: string, names = NAMES): Promise<string> {
  const stream = emptyStream();
  const error = await importText(stream, bad, names).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ExportRefused);
  expect((await stream.head()).position).toBe(0);
  return (error as Error).message;
}

/** The last line of an export that somebody made. */
function forgedEnd(events: readonly RecordedEvent[]): string {
  const tree = createGrowingTree(hashing);
  for (const { hash } of events) tree.add(hash);
  const hash = events.at(-1)?.hash ?? "";
  return endLine({ events: events.length, bodies: 0, hash, root: tree.root(), head: null });
}

const lineIn = (message: string) => Number(/^line (\d+): /.exec(message)?.[1]);

async function expectSame(stream: EventStream): Promise<void> {
  expect(await stream.head()).toEqual(await ledger.stream.head());
  expect(await allEvents(stream)).toEqual(await ledger.events());
  expect(await exportText(stream)).toBe(text);
  const verified = await verifyStream({ stream, ledger: LEDGER, hashing, bodies: true });
  expect(verified.findings).toEqual([]);
}

describe("an imported ledger", () => {
  test("is the same: hashes, times, bodies, amendments, models", async () => {
    const stream = emptyStream();
    const { head } = await importText(stream, text);
    expect(head).toEqual(await ledger.stream.head());
    await expectSame(stream);
    const checkpoints = await ledger.checkpoints();
    for (const model of MODEL_NAMES) {
      const { checkpoint } = await refold(stream, PROJECTIONS[model]);
      expect([model, checkpoint]).toEqual([model, checkpoints[model]]);
    }
  });

  test("goes on from wherever an import was killed, on SQLite", async () => {
    const random = createRandom("import", "kills");
    for (let round = 0; round < runs(10); round += 1) {
      const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-import-"));
      const clock = createManualClock(1n);
      const stream = await openEventStream({ dataDir, ledger: LEDGER, hashing, clock });
      // Appends are whole: what is left is the ledger up to some position.
      const { position: end } = await ledger.stream.head();
      const resumedAt = 1 + random.below(end);
      await importText(stream, await exportText(ledger.stream, { to: resumedAt }));
      expect(await importText(stream, text)).toMatchObject({ resumedAt });
      await expectSame(stream);
      expect(await importText(stream, text)).toMatchObject({ resumedAt: end });
      await stream.close();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});

test("bytes that came twice are one body, for who exports, imports and verifies", async () => {
  const ledger = await openTestLedger({ live: false });
  for (const payloadType of ["unknown", "unheard"]) await take(ledger, { body: {}, payloadType });
  const text = await exportText(ledger.stream);
  const { stream } = ledger;
  const verified = await verifyStream({ stream, ledger: LEDGER, hashing, bodies: true });
  expect(verified).toMatchObject({ bodies: 1, findings: [] });
  expect(text).toContain('"bodies":1');
  expect(await importText(emptyStream(), text)).toMatchObject({ bodies: 1 });
  await ledger.close();
});

describe("refused, with its line, before anything is written", () => {
  test("any byte that was altered", async () => {
    const random = createRandom("export", "bytes");
    for (let round = 0; round < runs(300); round += 1) {
      const at = random.below(text.length - 1);
      if (text[at] === "\n") continue;
      const other = random.pick([...' 0a{}"\\,:Z'].filter((character) => character !== text[at]));
      const bad = text.slice(0, at) + other + text.slice(at + 1);
      const line = text.slice(0, at).split("\n").length;
      const found = lineIn(await refusal(bad));
      // What the header says of other lines is known to be wrong when these come.
      if (line === 1) expect(found).toBeGreaterThan(0);
      else expect([lines[line - 1], found]).toEqual([lines[line - 1], line]);
    }
  });

  test("one that was cut, at the end of any line", async () => {
    const random = createRandom("export", "cuts");
    for (let round = 0; round < runs(30); round += 1) {
      const kept = 1 + random.below(lines.length - 1);
      const found = await refusal(joined(lines.slice(0, kept)));
      expect(found).toContain(`line ${kept + 1}: the file ends here`);
    }
    expect(await refusal("")).toContain("line 1: the file ends here");
  });

  test("a line that was left out, said twice, or put elsewhere", async () => {
    const random = createRandom("export", "lines");
    for (let round = 0; round < runs(30); round += 1) {
      const at = 1 + random.below(lines.length - 2);
      const line = lines[at] as string;
      expect(lineIn(await refusal(joined(lines.toSpliced(at, 1))))).toBe(at + 1);
      expect(lineIn(await refusal(joined(lines.toSpliced(at, 0, line))))).toBe(at + 2);
    }
    expect(await refusal(`${text}{}\n`)).toContain("expected nothing behind the end");
  });

  test("another ledger's, another environment's, a part, another format", async () => {
    expect(await refusal(text, { ...NAMES, name: "books" })).toMatch(
      /^line 1: .*ledger "default".*"books" is configured/,
    );
    expect(await refusal(text, { ...NAMES, environment: "trial" })).toMatch(
      /^line 1: .*environment "production".*"trial"/,
    );
    const part = await exportText(ledger.stream, { from: 5 });
    expect(await refusal(part)).toMatch(/^line 1: .*part of the ledger/);
    const account = await exportText(ledger.stream, { account: "a" });
    expect(await refusal(account)).toMatch(/^line 1: .*part of the ledger/);
    expect(await refusal(text.replace("counterfoil-export/1", "counterfoil-export/2"))).toMatch(
      /^line 1: .*counterfoil-export\/1, found "counterfoil-export\/2"/,
    );
    expect(await refusal("hello\n")).toMatch(/^line 1: expected an object of JSON/);
  });

  test("into a ledger that holds something else, or more", async () => {
    const stream = emptyStream();
    const [first] = await ledger.events();
    const {
      position: _p,
      hash: _h,
      recorded_at: _r,
      ...opened
    } = first as NonNullable<typeof first>;
    await stream.append(0, [{ ...opened, about: null }]);
    await expect(importText(stream, text)).rejects.toThrow(/^line 2: position 1 has hash .*empty/);
    expect((await stream.head()).position).toBe(1);
    const shorter = await exportText(ledger.stream, { to: 40 });
    await importText(ledger.stream, text);
    await expect(importText(ledger.stream, shorter)).rejects.toThrow(
      /^line 1: .*ends at position 40/,
    );
  });

  test("an event that stands twice in a chain that is whole", async () => {
    const [first] = await ledger.events();
    if (first === undefined) throw new Error("the ledger is empty");
    const copy = { ...first, position: 2 };
    const second = { ...copy, hash: chainHash(first.hash, copy, hashing) };
    const header = JSON.stringify({ ...JSON.parse(lines[0] as string), to: 2 });
    const end = forgedEnd([first, second]);
    const bad = joined([header, ...[first, second].map(eventLine), end]);
    const stream = emptyStream();
    await expect(importText(stream, bad)).rejects.toThrow(
      /^line 3: the event .* stands in the export before/,
    );
    expect(await stream.head()).toEqual(emptyHead(LEDGER, hashing));
  });
});

test("a file that changes after it was checked: nothing altered is appended", async () => {
  const position = lines.findIndex((line) => line.includes('"type":"BalanceReported"'));
  const altered = lines.with(position, String(lines[position]).replace('"data":"{', '"data":"{ '));
  const body = lines.findIndex((line) => line.startsWith('{"body":'));
  const otherBytes = String(lines[body]).replace(/"base64":"[^"]*"/, '"base64":"AAAA"');
  for (const changed of [altered, lines.with(body, otherBytes), lines.slice(0, -1)]) {
    const stream = emptyStream();
    await checkExport(readingOf(text), await stream.head());
    await expect(importLedger({ ...readingOf(joined(changed)), stream })).rejects.toThrow(
      ExportRefused,
    );
    for (const event of await allEvents(stream)) {
      expect(event.hash).toBe((await allEvents(ledger.stream))[event.position - 1]?.hash);
    }
  }
});

test("a signed head at its end has to be of this export, and unaltered", async () => {
  const { stream, catalogue, clock } = ledger;
  const folder = mkdtempSync(join(tmpdir(), "counterfoil-export-"));
  const signer = createHeadKeyFile(join(folder, "head.key"));
  const locks = createMemoryRoleLocks();
  const options = { ledger: LEDGER, stream, catalogue, clock, hashing, locks, signer };
  const head = await createHeads(options).make();
  const signed = await exportText(stream, { head });
  expect((await importText(emptyStream(), signed)).head).toEqual(await stream.head());
  const altered = signed.replace(/"signed_at":"2/, '"signed_at":"3');
  expect(await refusal(altered)).toContain("signature of the head at the end does not hold");
  const at = lines.length;
  const shorter = await exportText(stream, { to: 40, head });
  expect(await refusal(shorter)).toMatch(/^line \d+: the signed head has another position/);
  const withoutRoot = signed.replace(/"root":"[0-9a-f]{64}","head"/, '"root":null,"head"');
  expect(lineIn(await refusal(withoutRoot))).toBe(at);
  rmSync(folder, { recursive: true });
});

test("an account's export holds its events, and no bytes of deliveries", async () => {
  const subject = "zerohash:GAP001:ABC123:general:available:BTC";
  const part = (await exportText(ledger.stream, { account: subject })).split("\n").slice(0, -1);
  const events = (await ledger.events()).filter((event) => event.subject === subject);
  expect(events.length).toBeGreaterThan(1);
  expect(part.slice(1, -1)).toEqual(events.map(eventLine));
});

test("bytes that are not stored any more are said to be missing, and stay so", async () => {
  const ledger = await openTestLedger({ live: false });
  const { deliveryId } = await take(ledger, { body: {}, payloadType: "unknown" });
  const found = await Array.fromAsync(findErasable({ ...ledger, hashing }, { deliveryId }));
  await eraseBodies({ ...ledger, hashing, note: "request 4711", actor: "Ann" }, found.flat());
  const without = await exportText(ledger.stream);
  expect(without).toContain('"base64":null}');
  const stream = emptyStream();
  await importText(stream, without);
  expect(await stream.head()).toEqual(await ledger.stream.head());
  expect(await exportText(stream)).toBe(without);
  await ledger.close();
});

test("bytes that are missing, and that nothing erased, are refused with the first of their lines", async () => {
  const without = await exportText({ ...ledger.stream, bodies: async () => new Map() });
  const line = without.split("\n").findIndex((one) => one.endsWith('"base64":null}')) + 1;
  expect(await refusal(without)).toMatch(
    new RegExp(`^line ${line}: the bytes of the body [0-9a-f]{64} are missing, and nothing says`),
  );
});

test("of many bodies the memory keeps the last ones", () => {
  const isFirst = createBodyMemory(2);
  expect(["a", "b", "a", "c", "a", "b"].map(isFirst)).toEqual([
    ...[true, true, false],
    // Its place is that of its last use: b was forgotten, a was not.
    ...[true, false, true],
  ]);
});

test("a ledger that was altered is exported as it lies there, and refused where it was altered", async () => {
  const delivery = (await ledger.events(["DeliveryReceived"]))[3];
  const read: EventStream["read"] = async (query) => {
    const page = await ledger.stream.read(query);
    return page.map((event) => (event.id === delivery?.id ? { ...event, data: "{" } : event));
  };
  const altered = await exportText({ ...ledger.stream, read });
  const line = altered.split("\n").findIndex((one) => one.includes('"data":"{"')) + 1;
  expect(line).toBeGreaterThan(1);
  expect(lineIn(await refusal(altered))).toBe(line);
});

test.each(["{", "{}", "[1]", "null", '{"event_id":5}'])(
  "an amendment that says %s is refused, also where its hash was computed anew",
  async (data) => {
    const [first] = await ledger.events();
    const [seen] = await ledger.events(["FactSeen"]);
    if (first === undefined || seen === undefined) throw new Error("the ledger is empty");
    const forged = { ...seen, position: 2, data };
    const second = { ...forged, hash: chainHash(first.hash, forged, hashing) };
    const header = JSON.stringify({ ...JSON.parse(lines[0] as string), to: 2 });
    const end = forgedEnd([first, second]);
    const bad = joined([header, ...[first, second].map(eventLine), end]);
    expect(await refusal(bad)).toMatch(/^line 3: the data of FactSeen does not name/);
  },
);
