import { bodyErasedEvent } from "@counterfoil/core/erasure";
import { describe, expect, test } from "@jest/globals";
import type { Body } from "../ports/event-stream.ts";
import type { StreamFixture } from "./event-stream-fixture.ts";
import { sampleEvents, sampleId } from "./sample-event.ts";

export function describeErasing(use: () => StreamFixture): void {
  const bodyOf = (text: string): Body => {
    const bytes = new TextEncoder().encode(text);
    return { sha256: use().harness.hashing.sha256(bytes), bytes };
  };
  const erasure = ({ sha256, bytes }: Body) =>
    bodyErasedEvent(
      { sha256, length: bytes.length, delivery_id: sampleId(1), note: "asked for", actor: "Ann" },
      use().harness.hashing,
    );

  describe("erasing", () => {
    test("takes away the bodies that are named, and leaves the others", async () => {
      const { stream, openAnother } = use();
      const other = await openAnother();
      const [gone, large, kept] = [bodyOf("gone"), bodyOf("x".repeat(100_000)), bodyOf("kept")];
      await stream.append(0, sampleEvents(1, 3), [gone, large, kept]);
      await stream.append(3, [erasure(gone), erasure(large)]);
      await stream.eraseBodies([gone.sha256, large.sha256]);
      for (const instance of [stream, other]) {
        expect(await instance.body(gone.sha256)).toBeNull();
        expect(await instance.body(large.sha256)).toBeNull();
        expect(await instance.body(kept.sha256)).toEqual(kept.bytes);
      }
      expect((await stream.head()).position).toBe(5);
    });

    test("does nothing to a body of which no event says that it is erased", async () => {
      const { stream } = use();
      const body = bodyOf("kept");
      await stream.append(0, sampleEvents(1, 1), [body]);
      await stream.eraseBodies([body.sha256]);
      expect(await stream.body(body.sha256)).toEqual(body.bytes);
    });

    test("lasts: another delivery of the same bytes is recorded without them", async () => {
      const { stream, openAnother } = use();
      const other = await openAnother();
      const [gone, kept] = [bodyOf("gone"), bodyOf("kept")];
      await stream.append(0, sampleEvents(1, 1), [gone]);
      await stream.append(1, [erasure(gone)]);
      await stream.eraseBodies([gone.sha256]);
      expect(await other.append(2, sampleEvents(2, 2), [gone, kept])).toMatchObject({
        outcome: "appended",
      });
      expect(await stream.body(gone.sha256)).toBeNull();
      expect(await stream.body(kept.sha256)).toEqual(kept.bytes);
    });

    test("begins with the event: from then on the bytes are not stored", async () => {
      const { stream } = use();
      const body = bodyOf("never");
      await stream.append(0, sampleEvents(1, 1));
      await stream.append(1, [erasure(body)]);
      await stream.append(2, sampleEvents(2, 2), [body]);
      expect(await stream.body(body.sha256)).toBeNull();
      // As an import has it, whose export held none.
      await stream.eraseBodies([body.sha256]);
      await stream.append(3, sampleEvents(3, 3), [body]);
      expect(await stream.body(body.sha256)).toBeNull();
    });

    test("is done once more without harm, and of what never was", async () => {
      const { stream } = use();
      const [gone, never] = [bodyOf("gone"), bodyOf("never")];
      await stream.append(0, sampleEvents(1, 1), [gone]);
      await stream.append(1, [erasure(gone)]);
      const first = await stream.eraseBodies([gone.sha256]);
      expect(await stream.eraseBodies([gone.sha256, never.sha256])).toEqual(first);
      expect(await stream.body(gone.sha256)).toBeNull();
    });

    test("beside writers of the same bytes leaves none, whoever comes first", async () => {
      const { stream, openAnother } = use();
      const other = await openAnother();
      const body = bodyOf("contended");
      await stream.append(0, sampleEvents(1, 1), [body]);
      const writing = (async () => {
        for (let number = 2; number < 30; ) {
          const { position } = await other.head();
          const result = await other.append(position, sampleEvents(number, number), [body]);
          if (result.outcome === "appended") number += 1;
        }
      })();
      for (;;) {
        const { position } = await stream.head();
        const result = await stream.append(position, [erasure(body)]);
        if (result.outcome === "appended") break;
      }
      await stream.eraseBodies([body.sha256]);
      expect(await stream.body(body.sha256)).toBeNull();
      await writing;
      expect(await stream.body(body.sha256)).toBeNull();
    });
  });
}
