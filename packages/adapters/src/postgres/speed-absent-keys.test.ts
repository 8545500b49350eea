import type { Row } from "@counterfoil/processing/ports/model-store";
import { ENTRIES, entry, putEntries } from "@counterfoil/processing/testing/sample-tables";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createAbsentKeys } from "./speed-absent-keys.ts";

const inserted = (rows: readonly Row[]) => ({
  ...putEntries([]),
  inserts: [{ table: ENTRIES, rows }],
});
const isAccount = (value: string) => [{ column: "account", is: "=", value }] as const;

describe("keys that a table cannot have", () => {
  test("never include one that was written", () => {
    const rows = fc.array(fc.record({ account: fc.string(), seq: fc.integer() }), {
      maxLength: 40,
    });
    const property = fc.property(rows, rows, (first, second) => {
      const absent = createAbsentKeys();
      absent.add(inserted(first.map(({ account, seq }) => entry(account, seq))));
      absent.add(putEntries(second.map(({ account, seq }) => entry(account, seq, { at: 5n }))));
      const wrong = [...first, ...second].filter(({ account, seq }) => {
        const selection = { where: isAccount(account), orderBy: ["seq"], limit: 1 };
        return absent.isAbsent(ENTRIES, [account, seq]) || absent.isNothing(ENTRIES, selection);
      });
      expect(wrong).toEqual([]);
    });
    fc.assert(property);
  });

  test("include nearly all that were not, over many layers", () => {
    const absent = createAbsentKeys();
    const rows = Array.from({ length: 30_000 }, (_, at) => entry(`account ${at}`, at));
    absent.add(inserted(rows));
    const found = rows.filter((_, at) => !absent.isAbsent(ENTRIES, [`account ${at}`, at + 1]));
    expect(found.length).toBeLessThan(3_000);
    expect(rows.some((row) => absent.isAbsent(ENTRIES, [row.account ?? "", row.seq ?? 0]))).toBe(
      false,
    );
  });

  test("are not told from conditions that a row may meet in other ways", () => {
    const absent = createAbsentKeys();
    const wheres = [
      [{ column: "account", is: ">=", value: "a" }],
      [{ column: "account", is: "in", value: ["a"] }],
      [{ column: 'quo"ted', is: "=", value: 5 }],
      [{ column: "order", is: "=", value: null }],
      [],
    ] as const;
    for (const where of wheres) {
      expect(absent.isNothing(ENTRIES, { where, orderBy: ["seq"], limit: 1 })).toBe(false);
    }
    expect(absent.isNothing(ENTRIES, { where: isAccount("a"), orderBy: ["seq"], limit: 1 })).toBe(
      true,
    );
  });
});
