import { expect, test } from "@jest/globals";
import { createConsole } from "./console.ts";

test("the files are built once, and are those that the document names", async () => {
  const { bundle } = createConsole();
  const [first, second] = await Promise.all([bundle(), bundle()]);
  expect(second).toBe(first);
  const { document, files } = first;
  const named = String(Buffer.from(document.bytes)).match(/(?<=\/console\/)[\w.-]+/g) ?? [];
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter((name) => !files.has(name))).toEqual([]);
});

test("a running build is cancelled when the service stops", async () => {
  const { bundle, stop } = createConsole();
  const building = bundle();
  stop();
  await expect(building).rejects.toMatchObject({ name: "AbortError" });
});
