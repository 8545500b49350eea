import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { bodyErasedEvent } from "@counterfoil/core/erasure";
import type { Body, EventStream } from "@counterfoil/processing/ports/event-stream";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { sampleEvent } from "@counterfoil/processing/testing/sample-event";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { nodeHashing } from "../node/runtime.ts";
import { openEventStream } from "./event-stream.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "counterfoil-erase-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const open = (): Promise<EventStream> =>
  openEventStream({
    ...{ dataDir, ledger: "default", hashing: nodeHashing },
    clock: createManualClock(1n),
  });

/** Bytes that occur nowhere else, from the first to the last. */
function bodyOf(number: number, size: number): Body {
  let text = "";
  for (let at = 0; text.length < size; at += 1) text += nodeHashing.sha256(`${number} ${at}`);
  const bytes = Buffer.from(text.slice(0, size));
  return { sha256: nodeHashing.sha256(bytes), bytes };
}

const PIECE = 24;
const EVERY = 200;

/** Files that contain any piece of the body. */
function filesWith({ bytes }: Body): readonly string[] {
  const files = readdirSync(dataDir).filter((name) => {
    const content = readFileSync(join(dataDir, name));
    for (let at = 0; at + PIECE <= bytes.length; at += EVERY) {
      if (content.includes(Buffer.from(bytes.subarray(at, at + PIECE)))) return true;
    }
    return false;
  });
  return files.sort();
}

async function record(stream: EventStream, body: Body): Promise<void> {
  const { position } = await stream.head();
  await stream.append(position, [sampleEvent(position + 1)], [body]);
}

async function erase(stream: EventStream, bodies: readonly Body[]): Promise<void> {
  const { position } = await stream.head();
  const said = { delivery_id: "d", note: "asked for", actor: "Ann" };
  const events = bodies.map(({ sha256, bytes }) =>
    bodyErasedEvent({ sha256, length: bytes.length, ...said }, nodeHashing),
  );
  await stream.append(position, events);
  await stream.eraseBodies(bodies.map(({ sha256 }) => sha256));
}

const SIZES = [300, 1500, 4000, 4200, 30_000];
/** Enough that the table's first page and pages in between were split. */
const ALL = Array.from({ length: 120 }, (_, at) => bodyOf(at, SIZES[at % SIZES.length] ?? 1));
const GONE = ALL.filter((_, at) => at % 7 === 0);

test("leaves no piece of a body in any file, beside a service that has it open", async () => {
  const [service, command] = [await open(), await open()];
  for (const body of ALL) await record(service, body);
  expect(GONE.flatMap(filesWith)).not.toEqual([]);
  await erase(command, GONE);
  expect(GONE.flatMap(filesWith)).toEqual([]);
  for (const body of ALL) {
    const expected = GONE.includes(body) ? null : body.sha256;
    const found = await service.body(body.sha256);
    expect(found && nodeHashing.sha256(found)).toBe(expected);
  }
  await record(service, bodyOf(1000, 5000));
  await service.close();
  await command.close();
  expect(GONE.flatMap(filesWith)).toEqual([]);
});

test("nor in a file from before deletions overwrote, where divided pages left copies", async () => {
  const first = await open();
  await first.append(0, [sampleEvent(1)]);
  await first.close();
  const old = new DatabaseSync(join(dataDir, "stream.db"));
  old.exec("PRAGMA secure_delete = OFF; DELETE FROM meta WHERE key = 'keeps_no_remnants'");
  const insert = old.prepare("INSERT INTO bodies (sha256, bytes) VALUES (?, ?)");
  for (const { sha256, bytes } of ALL) insert.run(sha256, bytes);
  // Remnants of earlier deletions, which only rewriting the file removes.
  const remnant = bodyOf(2000, 900);
  insert.run(remnant.sha256, remnant.bytes);
  old.prepare("DELETE FROM bodies WHERE sha256 = ?").run(remnant.sha256);
  old.close();
  expect(filesWith(remnant)).toEqual(["stream.db"]);
  const stream = await open();
  await erase(stream, GONE);
  expect([remnant, ...GONE].flatMap(filesWith)).toEqual([]);
  await stream.close();
});

test("says so where a reader keeps the log from being emptied, and is done by the next call", async () => {
  const stream = await open();
  const body = bodyOf(1, 5000);
  await record(stream, body);
  const reader = new DatabaseSync(join(dataDir, "stream.db"), { readOnly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM events").get();
  const erasing = erase(stream, [body]);
  const waiting = await Promise.race([
    erasing,
    new Promise((end) => setTimeout(end, 200, "waits")),
  ]);
  expect(waiting).toBe("waits");
  reader.exec("COMMIT");
  await erasing;
  expect(filesWith(body)).toEqual([]);
  reader.close();
  await stream.close();
});
