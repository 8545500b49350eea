import type {
  Commit,
  Condition,
  Selection,
  Table,
  Value,
} from "@counterfoil/processing/ports/model-store";
import { checkpointAt } from "@counterfoil/processing/testing/sample-tables";
import fc from "fast-check";

const column = (type: "text" | "integer" | "nanos") => ({ type, state: true });

/** One table with every type of column. */
export const ROWS: Table = {
  name: "rows",
  columns: {
    name: column("text"),
    number: column("integer"),
    note: column("text"),
    at: column("nanos"),
  },
  key: ["name", "number"],
  indexes: [["note"], ["at", "name", "number"]],
  digested: "both",
};

// Few values, so that they meet; among them those that engines might order or compare differently.
const VALUES: Readonly<Record<string, fc.Arbitrary<Value>>> = {
  name: fc.constantFrom("", "a", "A", "ä", "\ufffd", "😀", "10", "9"),
  number: fc.integer({ min: -3, max: 3 }),
  note: fc.constantFrom(null, "", "x", "X", "%", "1"),
  at: fc.constantFrom(null, -1n, 0n, 9_007_199_254_740_993n, 9_007_199_254_740_992n),
};
const of = (name: string) => VALUES[name] as fc.Arbitrary<Value>;

const row = fc.record(VALUES);
const key = fc.tuple(of("name"), of("number"));

export const commit: fc.Arbitrary<Commit> = fc
  .tuple(fc.array(row, { maxLength: 40 }), fc.array(key, { maxLength: 5 }))
  .map(([rows, keys]) => ({
    inserts: [],
    puts: [{ table: ROWS, rows }],
    deletes: [{ table: ROWS, keys }],
    checkpoint: checkpointAt(1),
  }));

const condition: fc.Arbitrary<Condition> = fc
  .constantFrom(...Object.keys(ROWS.columns))
  .chain((name) =>
    fc.oneof(
      fc.record({
        column: fc.constant(name),
        is: fc.constantFrom("=", "<", "<=", ">", ">="),
        value: of(name),
      }),
      fc.record({ column: fc.constant(name), is: fc.constant("in"), value: fc.array(of(name)) }),
    ),
  );

export const selection: fc.Arbitrary<Selection> = fc
  .record({
    where: fc.array(condition, { maxLength: 2 }),
    orderBy: fc.constantFrom(["name", "number"], ["number", "name"]),
    descending: fc.boolean(),
    limit: fc.integer({ min: 0, max: 60 }),
    beyond: fc.option(key),
  })
  .map(({ beyond, ...rest }) => {
    if (beyond === null) return rest;
    const [name, number] = beyond;
    return { ...rest, beyond: rest.orderBy[0] === "name" ? [name, number] : [number, name] };
  });
