import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { describe, expect, test } from "@jest/globals";
import { createReadiness } from "./operations.ts";

describe("a process is ready", () => {
  test("if its dependencies are available, and not otherwise", async () => {
    let isThere = true;
    const readiness = createReadiness(async () => {
      if (!isThere) throw new Error("away");
    }, createManualClock());
    await readiness.assert();
    isThere = false;
    await expect(readiness.assert()).rejects.toThrow("away");
  });

  test("not if a dependency does not respond for two seconds", async () => {
    const clock = createManualClock();
    const answer = createReadiness(() => new Promise(() => {}), clock).assert();
    answer.catch(() => {});
    await clock.advance(1_999);
    expect(await Promise.race([answer, "still waiting"])).toBe("still waiting");
    await clock.advance(1);
    await expect(answer).rejects.toMatchObject({ code: "not_ready" });
  });

  test("not once it drains, and then without checking", async () => {
    let asked = 0;
    const readiness = createReadiness(async () => {
      asked += 1;
    }, createManualClock());
    readiness.drain();
    await expect(readiness.assert()).rejects.toMatchObject({ code: "not_ready" });
    expect([asked, readiness.isDraining()]).toEqual([0, true]);
  });
});
