import { describe } from "@jest/globals";
import { describeAppending } from "./event-stream-appending.ts";
import { describeErasing } from "./event-stream-erasing.ts";
import { describeFidelity } from "./event-stream-fidelity.ts";
import { type StreamHarness, useStream } from "./event-stream-fixture.ts";
import { describeLookingUp } from "./event-stream-looking-up.ts";
import { describeReading } from "./event-stream-reading.ts";
import { describeWaiting } from "./event-stream-waiting.ts";

/** What every engine's event stream promises, see ports/event-stream.ts. */
export function describeEventStreamContract(
  name: string,
  makeHarness: () => Promise<StreamHarness>,
): void {
  describe(`event stream: ${name}`, () => {
    const use = useStream(makeHarness);
    describeAppending(use);
    describeErasing(use);
    describeFidelity(use);
    describeReading(use);
    describeLookingUp(use);
    describeWaiting(use);
  });
}
