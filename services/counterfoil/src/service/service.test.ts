import { expect, test } from "@jest/globals";
import { createClosing, startOrClose } from "./service.ts";

test("what was opened is closed in the opposite order, once, whatever fails", async () => {
  const closed: string[] = [];
  const closing = createClosing();
  closing.add(async () => void closed.push("first"));
  closing.add(() => Promise.reject(new Error("second")));
  closing.add(async () => void closed.push("third"));
  await expect(closing.close()).rejects.toThrow("second");
  expect(closed).toEqual(["third", "first"]);
  await closing.close();
  expect(closed).toHaveLength(2);
});

test("a start that fails leaves nothing open, and says why", async () => {
  const closed: string[] = [];
  const start = startOrClose(async (closing) => {
    closing.add(async () => void closed.push("stream"));
    throw new Error("port taken");
  });
  await expect(start).rejects.toThrow("port taken");
  expect(closed).toEqual(["stream"]);
});

test("a start that succeeds can be stopped", async () => {
  const closed: string[] = [];
  const started = await startOrClose(async (closing) => {
    closing.add(async () => void closed.push("stream"));
    return { address: "here" };
  });
  expect(started?.address).toBe("here");
  await started?.stop();
  expect(closed).toEqual(["stream"]);
});
