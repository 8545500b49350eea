import { expect, test } from "@jest/globals";
import { placeTie } from "./history.ts";

test("a long word is not cut through a character: engines that store UTF-8 would change it", () => {
  const tie = placeTie(`${"a".repeat(39)}\u{1f600}`, "tie");
  expect(tie).toBe(`${"a".repeat(39)}\ufffd:tie`);
});
