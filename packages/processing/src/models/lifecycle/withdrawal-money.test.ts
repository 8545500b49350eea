import type { LifecycleFact } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { movementFacts, statusFact } from "./testing/lifecycle-facts.ts";
import { withdrawalsOf } from "./testing/records-of.ts";

/**
 * One request whose hold is taken, released and refunded in parts, against books that add it up. The
 * debit of a part may not name the request, and the collateral's side may come late or never.
 */
const PART = fc.record({
  what: fc.constantFrom("hold", "take", "take", "release", "refund"),
  amount: fc.integer({ min: 1, max: 4 }),
  isNamed: fc.boolean(),
  isBothSides: fc.boolean(),
});

type Part = typeof PART extends fc.Arbitrary<infer Drawn> ? Drawn : never;
type Books = { held: number; taken: number; refunded: number };

/** The rows of the parts that the books allow, in the order of time; see `movementFacts`. */
function rowsOf(parts: readonly Part[]) {
  const books: Books = { held: 0, taken: 0, refunded: 0 };
  const rows: string[] = [];
  for (const [at, { what, amount, isNamed, isBothSides }] of parts.entries()) {
    const time = `10:${String(at).padStart(2, "0")}:00`;
    const row = (account: string, type: string, change: number, id: string, isRequest = true) =>
      rows.push(
        `${time} ${at} ${account} withdrawal${type} ${change} ${id} ${isRequest ? "R" : "-"}`,
      );
    const both = (type: string, change: number) => {
      row("available", type, change, `m${at}`);
      if (isBothSides) row("collateral", type, -change, `m${at}`);
    };
    if (what === "hold") {
      books.held += amount;
      both("_pending", -amount);
    } else if (what === "refund" && amount <= books.taken - books.refunded) {
      books.refunded += amount;
      row("available", "", amount, `m${at}`);
    } else if (what !== "refund" && amount <= books.held) {
      books.held -= amount;
      if (what === "release") both("_pending", amount);
      else {
        books.taken += amount;
        both("_confirmed", amount);
        row("available", "", -amount, `d${at}`, isNamed);
      }
    }
  }
  return { books, rows };
}

function stageOf({ held, taken, refunded }: Books): string {
  if (held > 0) return "open";
  return taken > refunded ? "settled" : "returned";
}

const ENDS = ["settled", "failed", "rejected", "returned"];

/** Whether money is not where the end says that it is. */
function isElsewhere(stage: string, word: string, { held, taken, refunded }: Books): boolean {
  if (held > 0) return true;
  if (stage === "settled") return false;
  return taken > refunded || (taken === 0 && word === "settled");
}

const shuffled = (facts: readonly LifecycleFact[], order: readonly number[]): LifecycleFact[] =>
  facts
    .map((fact, at) => ({ fact, key: order[at % order.length] ?? 0 }))
    .sort((a, b) => a.key - b.key)
    .map(({ fact }) => fact);

test("what is shown of a request is what its books say, in whatever order it arrives", async () => {
  const order = fc.array(fc.integer(), { minLength: 40, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(PART, { minLength: 1, maxLength: 12 }),
      order,
      async (parts, keys) => {
        const { books, rows } = rowsOf(parts);
        fc.pre(rows.length > 0);
        const facts = movementFacts(
          ["at run account type change movement request", ...rows].join("\n"),
        );
        for (const arrived of [facts, shuffled(facts, keys)]) {
          const [record, ...others] = await withdrawalsOf(arrived);
          expect(others).toEqual([]);
          const { stage, settled_amount } = record?.state ?? {};
          const isOpen = stage === "pending" || stage === "confirmed";
          expect(isOpen ? "open" : stage).toBe(stageOf(books));
          expect(settled_amount ?? "0").toBe(`${books.taken - books.refunded}`);
          expect(record?.anomalies).toEqual([]);
        }
      },
    ),
    { numRuns: Number(process.env.N ?? 60) },
  );
});

test("a request that a status ends waits while its books say otherwise, in whatever order it arrives", async () => {
  const order = fc.array(fc.integer(), { minLength: 40, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(PART, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(...ENDS),
      fc.nat({ max: 23 }),
      order,
      async (parts, word, hour, keys) => {
        const { books, rows } = rowsOf(parts);
        fc.pre(rows.length > 0);
        const movements = movementFacts(
          ["at run account type change movement request", ...rows].join("\n"),
        );
        const status = statusFact("WithdrawalStatusReported", {
          ...{ withdrawal_id: "R", status: word, participant_code: "DEF456", asset: "BTC" },
          occurred_at: `2024-05-01T${String(hour).padStart(2, "0")}:30:00Z`,
        });
        const facts = [...movements, status];
        for (const arrived of [facts, shuffled(facts, keys)]) {
          const [record, ...others] = await withdrawalsOf(arrived);
          expect(others).toEqual([]);
          const { stage = "" } = record?.state ?? {};
          const waits = !ENDS.includes(stage) || isElsewhere(stage, word, books);
          expect(record?.waits).toBe(waits ? stage : null);
        }
      },
    ),
    { numRuns: Number(process.env.N ?? 60) },
  );
});
