import { describe, expect, test } from "@jest/globals";
import { ENTRIES } from "../models/balances/tables.ts";
import { ANOMALIES } from "../models/columns.ts";
import type { Row } from "../ports/model-store.ts";
import { readGaps } from "./account-history.ts";
import { rowsOf } from "./testing/rows-of.ts";

const entry = (id: string, rest: Row = {}): Row => ({
  account: "A",
  id,
  effective_at: 7n,
  position: 20,
  ...rest,
});

const gap = (after: string, before: string, closed_position: number | null): Row => ({
  id: `gap:A:${after}..${before}`,
  kind: "gap",
  subject: "A",
  detail: JSON.stringify({
    missing_amount: "5",
    after_run_id: after,
    before_run_id: before,
  }),
  opened_position: 9,
  closed_position,
});

describe("gaps", () => {
  test("that are closed are shown after the entry before them, or ahead of the one after", async () => {
    const [first, second] = [entry("run:1"), entry("run:2")];
    const rows = await rowsOf(
      [ENTRIES, [first, second]],
      [ANOMALIES, [gap("1", "2", 12), gap("snapshot:c1:1", "2", 13), gap("0", "2", 14)]],
    );
    const gaps = await readGaps(rows, "A");
    const after = async (row: Row) => (await gaps.after(row, null, 9)).map((closed) => closed.gap);
    expect(await after(first)).toMatchObject([{ closed_position: "12", position: "9" }]);
    expect(await after(second)).toEqual([]);
    const before = (await gaps.before(second)).map(({ closed_position }) => closed_position);
    expect(before.toSorted()).toEqual(["13", "14"]);
    expect(await gaps.before(first)).toEqual([]);
  });

  test("that are open have the data of their entry, and where they were first seen", async () => {
    const second = entry("run:2", { missing: "-3", missing_after: "run:1" });
    const third = entry("run:3", { missing: "1", missing_after: "snapshot:c1:1" });
    const rows = await rowsOf([ENTRIES, [second, third]], [ANOMALIES, [gap("1", "2", null)]]);
    const gaps = await readGaps(rows, "A");
    expect(await gaps.before(second)).toEqual([
      {
        kind: "gap",
        missing_amount: "-3",
        after_run_id: "1",
        before_run_id: "2",
        opened_at: "1970-01-01T00:00:00.000000007Z",
        position: "9",
        closed_position: null,
      },
    ]);
    expect(await gaps.before(third)).toMatchObject([
      { after_run_id: "snapshot:c1:1", position: "20" },
    ]);
  });
});
