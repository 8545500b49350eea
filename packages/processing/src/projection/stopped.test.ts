import { nodeHashing as hashing } from "@counterfoil/adapters/node/runtime";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { beforeEach, describe, expect, test } from "@jest/globals";
import {
  ANOMALIES,
  ANOMALY_CHANGES,
  ATTENTION_COUNTS,
  own,
  STOPPED,
  text,
} from "../models/columns.ts";
import { ModelUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { ModelStore, Table } from "../ports/model-store.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createMemoryEventStream } from "../testing/memory-event-stream.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import { sampleEvent } from "../testing/sample-event.ts";
import { openSession, type Projection } from "./projection.ts";
import { openProjectionRun } from "./run.ts";
import { createRetriedPages, type SubjectStop } from "./stopped.ts";

/** Each subject with the positions of its events, in the order in which they were folded. */
const FOLDED: Table = {
  name: "folded",
  columns: { subject: own(text), positions: own(text) },
  key: ["subject"],
  indexes: [],
  digested: "digest",
};
const TABLES = [FOLDED, ANOMALIES, ATTENTION_COUNTS, ANOMALY_CHANGES, STOPPED];

/** What a program fails with at an event; null if it folds it. */
type Fault = (event: RecordedEvent) => string | null;

const NO_FAULT: Fault = () => null;

/** The same model by a program with a fault. */
function projectionWith(fault: Fault): Projection {
  return {
    model: "trades",
    version: 1,
    tables: TABLES,
    types: new Set(["MovementRecorded"]),
    open: (store, hashes, options) =>
      openSession(
        store,
        hashes,
        ({ buffer }) => ({
          async apply(event) {
            const row = await buffer.get(FOLDED, [event.subject]);
            const positions = `${row?.positions ?? ""} ${event.position}`;
            buffer.put(FOLDED, { subject: event.subject, positions }, row);
            const error = fault(event);
            if (error !== null) throw new TypeError(error);
          },
          commitEvery: 10,
        }),
        options,
      ),
  };
}

/** A stream that counts the events that are read from it. */
function counting(stream: EventStream) {
  const count = { events: 0 };
  const counted = (page: readonly RecordedEvent[]) => {
    count.events += page.length;
    return page;
  };
  const read: EventStream["read"] = async (query) => counted(await stream.read(query));
  const readAt: EventStream["readAt"] = async (positions) =>
    counted(await stream.readAt(positions));
  return { count, stream: { ...stream, read, readAt } };
}

const SUBJECTS = 100;
const EVENTS = 2_500;

const subjectOf = (number: number): string => `s${String(number % SUBJECTS).padStart(3, "0")}`;

let stream: EventStream;
let store: ModelStore;
let stops: SubjectStop[];

/** Opens the model by a program with this fault. */
async function open(fault: Fault, given: Partial<{ stream: EventStream; store: ModelStore }> = {}) {
  const projection = projectionWith(fault);
  return openProjectionRun({
    ...{ stream, store, projection, hashing, ...given },
    onStopped: (stop) => void stops.push(stop),
  });
}

const foldAll = async (fault: Fault) =>
  (await open(fault)).fold(await stream.read({ after: 0, limit: EVENTS }));

const rowsOf = (table: Table) => store.select(table, { orderBy: table.key, limit: EVENTS });

/** What a program without a fault has folded of the stream. */
async function wholeRows() {
  const folded = new Map<string, string>();
  for (const { subject, position } of await stream.read({ after: 0, limit: EVENTS })) {
    folded.set(subject, `${folded.get(subject) ?? ""} ${position}`);
  }
  return [...folded].sort().map(([subject, positions]) => ({ subject, positions }));
}

beforeEach(async () => {
  stream = createMemoryEventStream({ ledger: "books", hashing, clock: createManualClock() });
  const events = Array.from({ length: EVENTS }, (_, at) =>
    sampleEvent(at + 1, { subject: subjectOf(at + 1) }),
  );
  await stream.append(0, events);
  const catalogue = createMemoryModelCatalogue();
  await catalogue.create("trades", { tables: TABLES, modelVersion: 1 });
  store = await catalogue.openForWriting("trades", 1);
  stops = [];
});

describe("the stopped subjects of a generation that is opened", () => {
  const everything: Fault = () => "planted by the test";

  test("cost one event each while the program still fails", async () => {
    await foldAll(everything);
    expect(await rowsOf(STOPPED)).toHaveLength(SUBJECTS);
    const { count, stream: counted } = counting(stream);
    stops = [];
    const run = await open(everything, { stream: counted });
    expect(run.stoppedSubjects).toBe(SUBJECTS);
    expect(count.events).toBeLessThanOrEqual(SUBJECTS + 2);
    // Nothing is new, so nothing is told.
    expect(stops).toEqual([]);
    expect(await rowsOf(FOLDED)).toEqual([]);
  });

  test("are read once each when the program is fixed, and the stream once for all of them", async () => {
    await foldAll(everything);
    const { count, stream: counted } = counting(stream);
    const run = await open(NO_FAULT, { stream: counted });
    expect(run.stoppedSubjects).toBe(0);
    expect(await rowsOf(STOPPED)).toEqual([]);
    expect(await rowsOf(FOLDED)).toEqual(await wholeRows());
    expect(count.events).toBeLessThanOrEqual(2 * EVENTS + 2);
  });

  test.each([1, 24, 25, 60, 1_000, EVENTS])(
    "are found in as many passes as %d remembered positions need",
    async (positionsMax) => {
      const stopped = Array.from({ length: SUBJECTS }, (_, at) => ({
        subject: subjectOf(at),
        position: at === 0 ? SUBJECTS : at,
      }));
      const { count, stream: counted } = counting(stream);
      const deps = { stream: counted, projection: projectionWith(NO_FAULT), hashing };
      const pagesOf = createRetriedPages(deps, stopped, EVENTS, positionsMax);
      const folded: Awaited<ReturnType<typeof wholeRows>> = [];
      for (const [at, { subject }] of stopped.entries()) {
        const events = (await Array.fromAsync(pagesOf(at))).flat();
        folded.push({ subject, positions: events.map(({ position }) => ` ${position}`).join("") });
      }
      expect(folded).toEqual(await wholeRows());
      const together = Math.max(1, Math.floor(positionsMax / (EVENTS / SUBJECTS)));
      // One that is too long to be remembered is read twice at most: to find that out, and for itself.
      const passes = Math.ceil(SUBJECTS / together) * (together === 1 ? 2 : 1);
      expect(count.events).toBeLessThanOrEqual((passes + 1) * EVENTS);
    },
  );

  test("that are one alone are read in one pass", async () => {
    await foldAll(({ subject }) => (subject === "s007" ? "planted by the test" : null));
    const { count, stream: counted } = counting(stream);
    await open(NO_FAULT, { stream: counted });
    expect(count.events).toBeLessThanOrEqual(EVENTS);
    expect(await rowsOf(FOLDED)).toEqual(await wholeRows());
  });

  test("are looked up in one list, whose rows are not read again for each of them", async () => {
    await foldAll(everything);
    let rows = 0;
    const select: ModelStore["select"] = async (table, selection) => {
      const found = await store.select(table, selection);
      if (table === STOPPED) rows += found.length;
      return found;
    };
    await open(everything, { store: { ...store, select } });
    expect(rows).toBeLessThanOrEqual(SUBJECTS);
  });

  test("go on one by one: those that fail again stay as they were, at whichever event it is", async () => {
    await foldAll(everything);
    const end = (await store.checkpoint()).position;
    const still: Fault = ({ subject, position }) =>
      (subject === "s003" && position > 1_000) || subject === "s090" ? "another fault" : null;
    const run = await open(still);
    expect(run.stoppedSubjects).toBe(2);
    const isStill = ({ subject }: Readonly<{ subject: unknown }>) =>
      subject === "s003" || subject === "s090";
    const whole = await wholeRows();
    expect(await rowsOf(FOLDED)).toEqual(whole.filter((row) => !isStill(row)));
    expect((await rowsOf(STOPPED)).map(({ subject, position }) => [subject, position])).toEqual([
      ["s003", 3],
      ["s090", 90],
    ]);
    expect(run.checkpoint.position).toBe(end);
    await open(NO_FAULT);
    expect(await rowsOf(FOLDED)).toEqual(whole);
  });

  test("are told with the new reason, once", async () => {
    const failing =
      (error: string): Fault =>
      (event) =>
        event.subject === "s007" ? error : null;
    await foldAll(failing("first"));
    await open(failing("first"));
    expect(stops.map(({ error }) => error)).toEqual(["TypeError: first"]);
    await open(failing("second"));
    await open(failing("second"));
    expect(stops.slice(1)).toEqual([
      { subject: "s007", position: 7, type: "MovementRecorded", error: "TypeError: second" },
    ]);
    expect(await rowsOf(STOPPED)).toMatchObject([{ position: 7, error: "TypeError: second" }]);
    const [{ waiting } = {}] = await rowsOf(STOPPED);
    expect(waiting).toBe(EVENTS / SUBJECTS);
  });

  test("show the new reason in their anomaly from their next event on", async () => {
    const failing =
      (error: string): Fault =>
      (event) =>
        event.subject === "s007" ? error : null;
    await foldAll(failing("first"));
    const run = await open(failing("second"));
    await stream.append(EVENTS, [sampleEvent(EVENTS + 1, { subject: "s007" })]);
    await run.fold(await stream.read({ after: EVENTS, limit: 1 }));
    const [anomaly] = await rowsOf(ANOMALIES);
    expect(JSON.parse(String(anomaly?.detail))).toMatchObject({
      position: "7",
      error: "TypeError: second",
    });
    // The event's own change row, so that whoever follows the changes has it too.
    expect((await rowsOf(ANOMALY_CHANGES)).map(({ position }) => position)).toEqual([
      7,
      EVENTS + 1,
    ]);
    expect(anomaly).toMatchObject({ opened_position: 7, changed_position: EVENTS + 1 });
  });

  test("lose nothing and count nothing twice where the engine fails at any commit", async () => {
    await foldAll(everything);
    const whole = await wholeRows();
    for (let isDone = false, commits = 0; !isDone; commits += commits < 3 ? 1 : 41) {
      let left = commits;
      const commit: ModelStore["commit"] = async (given) => {
        if (left === 0) throw new ModelUnavailable("planted by the test");
        left -= 1;
        await store.commit(given);
      };
      isDone = await open(NO_FAULT, { store: { ...store, commit } }).then(
        () => true,
        () => false,
      );
      const stopped = new Set((await rowsOf(STOPPED)).map(({ subject }) => subject));
      const folded = await rowsOf(FOLDED);
      expect(folded).toEqual(whole.filter(({ subject }) => !stopped.has(subject)));
    }
    expect(await rowsOf(STOPPED)).toEqual([]);
  });
});
