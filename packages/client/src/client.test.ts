import { execFile } from "node:child_process";
import { getEventListeners } from "node:events";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { createClient, ProblemError, UnreadableAnswerError } from "./client.ts";

type Answer = (signal?: AbortSignal | null) => Response | Promise<Response>;

/** Answers one after the other, and what was asked. */
function createPlay(...answers: readonly Answer[]) {
  const asked: { url: string; init: RequestInit }[] = [];
  const play: typeof fetch = async (url, init = {}) => {
    const answer = answers[asked.length];
    asked.push({ url: String(url), init });
    if (answer === undefined) throw new Error(`nobody expected ${url}`);
    return answer(init.signal);
  };
  return {
    asked,
    client: createClient({ baseUrl: "http://here:1/ledger/", key: "k", fetch: play }),
  };
}

const json =
  (body: unknown, status = 200) =>
  () =>
    Response.json(body, { status });
const page = (data: readonly unknown[], next_cursor: string | null) =>
  json({ data, next_cursor, position: "9" });

describe("a request", () => {
  test("has its parameters in the path and in the query, and the key in a header alone", async () => {
    const { asked, client } = createPlay(json({ data: { id: "a" }, position: "9" }));
    await client.getAccount({ id: "zerohash:A B/C?", min_position: "7" });
    expect(asked[0]?.url).toBe(
      "http://here:1/ledger/v1/accounts/zerohash%3AA%20B%2FC%3F?min_position=7",
    );
    expect(asked[0]?.init.headers).toEqual({ authorization: "Bearer k" });
  });

  test("repeats a parameter of several values, and leaves out what is undefined", async () => {
    const { asked, client } = createPlay(page([], null));
    const types = ["RunRecorded", "MovementRecorded"] as unknown as string;
    await client.listEvents({ types, after: undefined } as never);
    expect(asked[0]?.url).toBe(
      "http://here:1/ledger/v1/events?types=RunRecorded&types=MovementRecorded",
    );
  });

  test("without a parameter of the path is none", async () => {
    const { asked, client } = createPlay();
    await expect(client.getAccount({} as never)).rejects.toThrow("the parameter id is missing");
    expect(asked).toEqual([]);
  });
});

describe("pages", () => {
  test("awaited, are the first one", async () => {
    const { asked, client } = createPlay(page([1], "c"));
    expect((await client.listBalances({ asset: "BTC" })).data).toEqual([1]);
    expect(asked).toHaveLength(1);
  });

  test("in a loop, are all, with the same filters, asked for one after the other", async () => {
    const { asked, client } = createPlay(page([1], "c&d"), page([], "e"), page([2], null));
    const seen: unknown[] = [];
    for await (const { data } of client.listBalances({ asset: "BTC" })) {
      seen.push(...data);
      expect(asked.length).toBeLessThanOrEqual(3);
    }
    expect(seen).toEqual([1, 2]);
    expect(asked.map(({ url }) => new URL(url).search)).toEqual([
      "?asset=BTC",
      "?asset=BTC&cursor=c%26d",
      "?asset=BTC&cursor=e",
    ]);
  });

  test("end where the loop ends", async () => {
    const { asked, client } = createPlay(page([1], "c"), page([2], null));
    for await (const _ of client.listBalances()) break;
    expect(asked).toHaveLength(1);
  });
});

describe("what is no answer", () => {
  test("of the service is its problem", async () => {
    const problem = {
      type: "about:blank",
      title: "t",
      status: 404,
      code: "not_found",
      detail: "d",
    };
    const { client } = createPlay(json(problem, 404));
    const error = await Promise.resolve(client.getAccount({ id: "x" })).catch((it) => it);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({ status: 404, code: "not_found", problem });
    expect(error.message).toBe("not_found: d");
  });

  test("of something between is its status", async () => {
    const { client } = createPlay(() => new Response("<html>", { status: 502 }));
    const error = await Promise.resolve(client.getStatus()).catch((it) => it);
    expect(error).toMatchObject({ status: 502, code: null, problem: null, message: "HTTP 502" });
  });
});

describe("changes", () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ["nextTick", "setImmediate", "queueMicrotask"] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const events =
    (text = "", type = "text/event-stream") =>
    () =>
      new Response(text, { headers: { "content-type": type } });
  const frame = (id: string, data: string) => `id: ${id}\nevent: balances\ndata: ${data}\n\n`;
  const START = { after: "0" };

  test("go on after a connection that ended, and leave nothing on the signal", async () => {
    const { signal } = new AbortController();
    const { asked, client } = createPlay(
      events(frame("1.0", '{"id":"a"}')),
      ...Array.from({ length: 20 }, () => events()),
      events(frame("2.0", '{"id":"b"}'), "Text/Event-Stream; charset=utf-8"),
    );
    const changes = client.streamChanges(START, { signal })[Symbol.asyncIterator]();
    expect((await changes.next()).value).toMatchObject({ id: "1.0", data: { id: "a" } });
    const next = changes.next();
    while (asked.length < 22) await jest.advanceTimersByTimeAsync(30_000);
    expect((await next).value).toMatchObject({ id: "2.0", data: { id: "b" } });
    expect(asked.at(-1)?.init.headers).toMatchObject({ "last-event-id": "1.0" });
    expect(getEventListeners(signal, "abort")).toEqual([]);
    await changes.return?.();
  });

  test("go on after a request that gets no answer", async () => {
    const { asked, client } = createPlay(
      (signal) => new Promise((_, reject) => signal?.addEventListener("abort", reject)),
      events(frame("1.0", '{"id":"a"}')),
    );
    const changes = client.streamChanges(START)[Symbol.asyncIterator]();
    const next = changes.next();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(2);
    expect((await next).value).toMatchObject({ id: "1.0" });
    await changes.return?.();
  }, 10_000);

  test("end at once by a signal that is aborted as a connection ends", async () => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const { client } = createPlay(events());
    const onConnection = (isConnected: boolean) => {
      if (!isConnected) leaving.abort(new Error("the page was left"));
    };
    const changes = client.streamChanges(START, { signal, onConnection });
    await expect(changes[Symbol.asyncIterator]().next()).rejects.toThrow("the page was left");
  }, 10_000);

  test("end at once by a signal that is aborted between two connections", async () => {
    const leaving = new AbortController();
    const { client } = createPlay(events());
    const changes = client.streamChanges(START, { signal: leaving.signal });
    const next = changes[Symbol.asyncIterator]().next();
    next.catch(() => {});
    while (getEventListeners(leaving.signal, "abort").length === 0) await setImmediatePassed();
    leaving.abort(new Error("the page was left"));
    await expect(next).rejects.toThrow("the page was left");
    expect(jest.getTimerCount()).toBe(0);
  }, 10_000);

  test.each([
    ["a page", "text/html", "text/html"],
    ["nothing", "", "no content type"],
  ])(
    "end for good where something else answers with %s",
    async (_, type, found) => {
      const { client } = createPlay(events("<html>", type));
      const error = await client
        .streamChanges(START)
        [Symbol.asyncIterator]()
        .next()
        .catch((it) => it);
      expect(error).toBeInstanceOf(UnreadableAnswerError);
      expect(error.message).toContain(`expected text/event-stream, found ${found}`);
    },
    10_000,
  );

  test("end for good at one that is no JSON, after those before it", async () => {
    const { client } = createPlay(events(frame("1.0", '{"id":"a"}') + frame("2.0", "{")));
    const changes = client.streamChanges(START)[Symbol.asyncIterator]();
    expect((await changes.next()).value).toMatchObject({ id: "1.0" });
    const error = await changes.next().catch((it) => it);
    expect(error).toBeInstanceOf(UnreadableAnswerError);
    expect(error.message).toContain("2.0");
    expect(error.cause).toBeInstanceOf(SyntaxError);
  }, 10_000);
});

const setImmediatePassed = () => new Promise<void>((resolve) => void setImmediate(resolve));

test("the operations and their types are what the OpenAPI document says", async () => {
  const cwd = new URL("..", import.meta.url);
  const check = ["--disable-warning=ExperimentalWarning", "generate.ts", "--check"];
  const { stderr } = await promisify(execFile)(process.execPath, check, { cwd });
  expect(stderr).toBe("");
});
