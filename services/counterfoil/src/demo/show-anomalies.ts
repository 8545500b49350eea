import type { AnomalyRecord } from "@counterfoil/contracts/record";
import { print } from "../output/print.ts";
import { bold, dim, printHeading } from "./style.ts";

/** Where the provider's own page contradicts itself. */
export function showAnomalies(anomalies: readonly AnomalyRecord[]): void {
  printHeading("Anomalies", `${anomalies.length} open: what a person should look at`);
  const width = Math.max(0, ...anomalies.map(({ kind }) => kind.length));
  for (const { kind, subject, detail } of anomalies) {
    print(`  ${bold(kind.padEnd(width))}  ${subject}`);
    print(`      ${dim(describeDetail(detail))}`);
  }
}

function describeDetail(detail: AnomalyRecord["detail"]): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(" and ") : String(value)}`)
    .join(", ");
}
