import { describe, expect, test } from "@jest/globals";
import { RECORD_CHANGES } from "../models/lifecycle/tables.ts";
import { rowsOf } from "../queries/testing/rows-of.ts";
import { sourcesOf } from "./change-rows.ts";
import { changeFor } from "./read.ts";

const [DEPOSITS] = sourcesOf("deposits");
if (DEPOSITS === undefined) throw new Error("deposits are published");

/** A change row of deposit D at a position with its owner then; null for a removal. */
function changed(position: number, owner: string | null) {
  const state = JSON.stringify({ participant_code: owner, account_group: null });
  return { position, id: "D", row: owner === null ? null : JSON.stringify({ id: "D", state }) };
}

/** The last of these changes as a platform sees it. */
async function viewOf(platform: string, ...owners: readonly (string | null)[]) {
  const changes = owners.map((owner, at) => changed(at + 1, owner));
  const row = changes.at(-1) ?? changed(1, null);
  const value = row.row === null ? null : JSON.stringify({ id: "D" });
  const rows = await rowsOf([RECORD_CHANGES, changes]);
  const change = { source: DEPOSITS as never, position: row.position, id: "D", value };
  return changeFor(rows, change, { row, platform });
}

describe("a change as a platform sees it", () => {
  test("is the record where it is the platform's", async () => {
    expect(await viewOf("elm", "elm")).toBe('{"id":"D"}');
    expect(await viewOf("elm", "oak", "elm")).toBe('{"id":"D"}');
  });

  test("is a removal for the platform that it belonged to until then, and for no other", async () => {
    expect(await viewOf("elm", "elm", null)).toBeNull();
    expect(await viewOf("elm", "elm", "oak")).toBeNull();
    expect(await viewOf("oak", "elm", null)).toBeUndefined();
  });

  test("is hidden if the record belonged to another platform, or was removed before", async () => {
    expect(await viewOf("elm", "oak")).toBeUndefined();
    expect(await viewOf("elm", "elm", "oak", "ash")).toBeUndefined();
    expect(await viewOf("elm", "elm", null, "oak")).toBeUndefined();
  });
});
