import { afterAll, afterEach, expect, test } from "@jest/globals";
import { type Change, createClient } from "../../packages/client/src/client.ts";
import { addressOf, endAllProcesses, startRole, stopRole } from "./support/counterfoil.ts";
import { crashThread, LETS_IN } from "./support/crash-thread.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { sendScenario } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

afterEach(endAllProcesses);
afterAll(removeFolders);

const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Reads until it is told to stop, and goes on where the service was away. */
function readChanges(address: string) {
  const changes: Change[] = [];
  const done = new AbortController();
  const client = createClient({ baseUrl: address });
  const reading = (async () => {
    const stream = client.streamChanges({ after: "0" }, { signal: done.signal });
    for await (const change of stream) changes.push(change);
  })().catch((error) => {
    if (!done.signal.aborted) throw error;
  });
  const has = async (wanted: Change["event"]) => {
    while (!changes.some(({ event }) => event === wanted)) await pause();
  };
  return {
    changes,
    has,
    end: async () => {
      done.abort();
      await reading;
    },
  };
}

test("changes come while everything runs in one process, after its readers' thread has crashed, and until it stops", async () => {
  const env = { ...configOf(newFolder()), ...LETS_IN };
  const service = startRole(["start"], env);
  const address = await addressOf(service);
  const reader = readChanges(address);
  await sendScenario("account-balance-webhooks", address);
  await reader.has("balances");
  await crashThread(service, "readers");
  await sendScenario("trade-status", address);
  await reader.has("trades");
  const ids = reader.changes.flatMap(({ id, event }) => (event === "state" ? [] : [id]));
  expect(new Set(ids).size).toBe(ids.length);

  const open = await fetch(`${address}/v1/changes?after=0`);
  let text = "";
  const whole = (async () => {
    for await (const chunk of open.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
    }
  })();
  while (!text.includes("event: trades")) await pause();
  await reader.end();
  // It ends as an answer ends, not as a connection that breaks.
  const [code] = await Promise.all([stopRole(service), whole]);
  expect(code).toBe(0);
  expect(text.endsWith("\n\n")).toBe(true);
});
