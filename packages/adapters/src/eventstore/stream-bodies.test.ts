import { StreamCorrupted, StreamUnavailable } from "@counterfoil/processing/ports/errors";
import type { Body } from "@counterfoil/processing/ports/event-stream";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { describe, expect, test } from "@jest/globals";
import { nodeHashing } from "../node/runtime.ts";
import type { Proposed } from "./testing/stored-streams.ts";
import { failAppends, LEDGER, openLedgerOn, useDouble } from "./testing/use-double.ts";

const use = useDouble();
const CHUNK = 512 * 1024;

function bodyOf(size: number, seed = 1): Body {
  const bytes = new Uint8Array(size).map((_, at) => (at * 31 + (at >> 8) + seed) & 0xff);
  return { sha256: nodeHashing.sha256(bytes), bytes };
}
const streamOf = ({ sha256 }: Body) => `body-${LEDGER}-${sha256}`;
const chunks = (body: Body) => use().streams.everything(streamOf(body));

async function same(body: Body, read: Uint8Array | null): Promise<void> {
  expect(Buffer.compare(Buffer.from(read ?? []), Buffer.from(body.bytes))).toBe(0);
}

describe("bodies", () => {
  test.each([
    { size: 0, expected: [0] },
    { size: CHUNK, expected: [CHUNK] },
    { size: CHUNK + 1, expected: [CHUNK, 1] },
    { size: 3 * CHUNK, expected: [CHUNK, CHUNK, CHUNK] },
    { size: 17 * CHUNK + 5, expected: [...Array<number>(17).fill(CHUNK), 5] },
  ])("of $size bytes lie in chunks of 512 KiB", async ({ size, expected }) => {
    const stream = await openLedgerOn(use());
    const body = bodyOf(size);
    await stream.append(0, sampleEvents(1, 1), [body]);
    expect(chunks(body).map(({ data }) => data.length)).toEqual(expected);
    await same(body, await stream.body(body.sha256));
  });

  test("are stored before the events", async () => {
    const stream = await openLedgerOn(use());
    const body = bodyOf(10);
    let seen = -1;
    use().settings.faultOf = ({ stream: name }) => {
      if (name === `ledger-${LEDGER}`) seen = chunks(body).length;
      return null;
    };
    await stream.append(0, sampleEvents(1, 1), [body]);
    expect(seen).toBe(1);
  });

  test("a stored one is left unchanged", async () => {
    const stream = await openLedgerOn(use());
    const body = bodyOf(2 * CHUNK);
    await stream.append(0, sampleEvents(1, 1), [body]);
    await stream.append(1, sampleEvents(2, 2), [body]);
    expect(chunks(body)).toHaveLength(2);
    await same(body, await stream.body(body.sha256));
  });

  test("an incomplete one is completed, and cannot be read before", async () => {
    const stream = await openLedgerOn(use());
    const body = bodyOf(3 * CHUNK);
    failAppends(use(), [null, "denied"], streamOf(body));
    const failed = stream.append(0, sampleEvents(1, 1), [body]);
    await expect(failed).rejects.toThrow(StreamUnavailable);
    expect(chunks(body)).toHaveLength(1);
    expect(await stream.body(body.sha256)).toBeNull();
    use().settings.faultOf = () => null;
    await (await openLedgerOn(use())).append(0, sampleEvents(1, 1), [body]);
    expect(chunks(body)).toHaveLength(3);
    await same(body, await stream.body(body.sha256));
  });

  test("one that two writers store at once is stored once", async () => {
    const [one, two] = [await openLedgerOn(use()), await openLedgerOn(use())];
    const body = bodyOf(4 * CHUNK);
    await Promise.all([
      one.append(0, sampleEvents(1, 1), [body]),
      two.append(0, sampleEvents(2, 2), [body]),
    ]);
    expect(chunks(body)).toHaveLength(4);
    await same(body, await one.body(body.sha256));
  });

  test("many small ones are stored with one append", async () => {
    const stream = await openLedgerOn(use());
    const bodies = Array.from({ length: 100 }, (_, at) => bodyOf(600, at));
    await stream.append(0, sampleEvents(1, 1), bodies);
    for (const body of bodies) await same(body, await stream.body(body.sha256));
  });

  test("with an unknown outcome are written once", async () => {
    const stream = await openLedgerOn(use());
    const body = bodyOf(2 * CHUNK);
    failAppends(use(), ["timeout_written", "timeout_lost", "die_after"], streamOf(body));
    await stream.append(0, sampleEvents(1, 1), [body]);
    expect(chunks(body)).toHaveLength(2);
  });

  test("with other bytes than their digest cause an error", async () => {
    const stream = await openLedgerOn(use());
    const [body, other] = [bodyOf(5, 1), bodyOf(5, 2)];
    await stream.append(0, sampleEvents(1, 1), [{ ...body, bytes: other.bytes }]);
    await expect(stream.body(body.sha256)).rejects.toThrow(StreamCorrupted);
  });

  test("written by another client cause an error", async () => {
    const stream = await openLedgerOn(use());
    const body = bodyOf(5);
    const foreign: Proposed = {
      id: crypto.randomUUID(),
      type: "Foreign",
      contentType: "application/octet-stream",
      metadata: Buffer.from("no JSON"),
      data: body.bytes,
    };
    use().streams.append(streamOf(body), -1, [foreign]);
    await expect(stream.body(body.sha256)).rejects.toThrow(/counterfoil has not written/);
  });

  test("that were erased cannot be read, and are not stored again", async () => {
    const stream = await openLedgerOn(use());
    const body = bodyOf(5);
    await stream.append(0, sampleEvents(1, 1), [body]);
    use().streams.tombstone(streamOf(body));
    expect(await stream.body(body.sha256)).toBeNull();
    expect(await stream.append(1, sampleEvents(2, 2), [body])).toMatchObject({
      outcome: "appended",
    });
    expect(await stream.body(body.sha256)).toBeNull();
  });
});
