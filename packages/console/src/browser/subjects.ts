import { type AddressName, pathTo } from "../addresses.ts";

/** What the subject of an event or an anomaly leads to; null where it has no page. */
export function subjectPath(subject: string): string | null {
  for (const [shape, name] of PAGES) {
    const id = shape.exec(subject)?.[1];
    if (id !== undefined) return pathTo(name, { id });
  }
  return null;
}

/** Shapes of subjects, as the stream writes them; an account is its own id. */
const PAGES: readonly (readonly [RegExp, AddressName])[] = [
  [/^delivery:(.+)$/, "delivery"],
  [/^run:[^:]+:(.+)$/, "run"],
  [/^(?:withdrawal|payment):[^:]+:(.+)$/, "withdrawal"],
  [/^(?:deposit|fund):[^:]+:(.+)$/, "deposit"],
  [/^trade:[^:]+:(.+)$/, "trade"],
  [/^((?:zerohash|layer1):.+)$/, "account"],
];

/** The page of a record of a model. */
export function recordPath(model: string, id: string): string | null {
  const name = RECORDS[model];
  return name === undefined ? null : pathTo(name, { id });
}

const RECORDS: Readonly<Record<string, AddressName>> = {
  balances: "account",
  withdrawals: "withdrawal",
  deposits: "deposit",
  trades: "trade",
};
