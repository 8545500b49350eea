import { describe, expect, test } from "@jest/globals";
import { RECORD_CHANGES } from "../models/lifecycle/tables.ts";
import { rowsOf } from "../queries/testing/rows-of.ts";
import { sourcesOf } from "./change-rows.ts";
import { changeFor } from "./read.ts";

const [DEPOSITS] = sourcesOf("deposits");
if (DEPOSITS === undefined) throw new Error("deposits are published");

/** A change row of deposit D as of a position: whose it was then; null where it was removed. */
function changed(position: number, owner: string | null) {
  const state = JSON.stringify({ participant_code: owner, account_group: null });
  return { position, id: "D", row: owner === null ? null : JSON.stringify({ id: "D", state }) };
}

/** What a platform is told of the last of these changes. */
async function told(platform: string, ...owners: readonly (string | null)[]) {
  const changes = owners.map((owner, at) => changed(at + 1, owner));
  const row = changes.at(-1) ?? changed(1, null);
  const value = row.row === null ? null : JSON.stringify({ id: "D" });
  const rows = await rowsOf([RECORD_CHANGES, changes]);
  const change = { source: DEPOSITS as never, position: row.position, id: "D", value };
  return changeFor(rows, change, { row, platform });
}

describe("a change as a platform sees it", () => {
  test("is the record where it is the platform's", async () => {
    expect(await told("elm", "elm")).toBe('{"id":"D"}');
    expect(await told("elm", "oak", "elm")).toBe('{"id":"D"}');
  });

  test("says that it is gone where it was the platform's until then, and to nobody else", async () => {
    expect(await told("elm", "elm", null)).toBeNull();
    expect(await told("elm", "elm", "oak")).toBeNull();
    expect(await told("oak", "elm", null)).toBeUndefined();
  });

  test("is none where the record was another's, or was gone before", async () => {
    expect(await told("elm", "oak")).toBeUndefined();
    expect(await told("elm", "elm", "oak", "ash")).toBeUndefined();
    expect(await told("elm", "elm", null, "oak")).toBeUndefined();
  });
});
