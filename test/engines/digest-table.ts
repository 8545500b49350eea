import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { renderTable } from "../../services/counterfoil/src/output/print.ts";
import type { Outcome } from "./outcome.ts";

const COLUMNS = [
  { title: "engine" },
  { title: "facts", align: "right" },
  { title: "model" },
  { title: "digest" },
  { title: "state_digest" },
] as const;
const SHOWN = 16;

/** For a report, where COUNTERFOIL_TEST_TABLES is set. */
export function printDigests(outcomes: ReadonlyMap<string, Outcome>): void {
  if (process.env.COUNTERFOIL_TEST_TABLES === undefined) return;
  const rows = [...outcomes].flatMap(([engine, { head, checkpoints }]) =>
    MODEL_NAMES.map((model, at) => [
      at === 0 ? engine : "",
      at === 0 ? head.position : "",
      model,
      checkpoints[model].digest.slice(0, SHOWN),
      checkpoints[model].state_digest.slice(0, SHOWN),
    ]),
  );
  process.stdout.write(`\n${renderTable(COLUMNS, rows)}\n`);
}
