import { timeOf } from "@counterfoil/core/exact/time";
import { emptyHead } from "@counterfoil/core/stream/chain";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { sampleEvent } from "@counterfoil/processing/testing/sample-event";
import { expect, test } from "@jest/globals";
import { nodeHashing } from "../node/runtime.ts";
import { sealEvents } from "./events.ts";

const sealAt = (time: string) =>
  sealEvents(emptyHead("books", nodeHashing), [sampleEvent(1)], timeOf(time), nodeHashing);

test("a clock that is beyond what a column of 64 bits holds is named", () => {
  expect(sealAt("2262-04-11T23:47:16Z").rows).toHaveLength(1);
  const seal = () => sealAt("2262-04-11T23:47:17Z");
  expect(seal).toThrow(StreamUnavailable);
  expect(seal).toThrow(
    "this machine's clock says 2262-04-11T23:47:17Z, and times are stored up to",
  );
});
