import { expect, test } from "@jest/globals";
import { renderTable } from "./print.ts";

test("columns under their heads, numbers to the right, a dash for what is absent", () => {
  const columns = [{ title: "model" }, { title: "lag", align: "right" }] as const;
  const rows = [
    ["balances", 1200],
    ["trades", null],
  ];
  expect(renderTable(columns, rows)).toBe(
    ["  model      lag", "  ──────────────", "  balances  1200", "  trades       –"].join("\n"),
  );
});
