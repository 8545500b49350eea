import { spawnSync } from "node:child_process";
import { describe } from "@jest/globals";
import { parse } from "yaml";
import { readRootFile } from "./root-file.ts";

type AlertRule = Readonly<{
  alert: string;
  expr: string;
  for?: string;
  labels: Readonly<{ severity: string }>;
  annotations: Readonly<{ summary: string; runbook_url: string }>;
}>;

export const RULES = "infra/monitoring/rules.yml";

export function readRules(): readonly AlertRule[] {
  const { groups } = parse(readRootFile(RULES)) as { groups: { rules: AlertRule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

type Panel = Readonly<{ title: string; targets: readonly Readonly<{ expr: string }>[] }>;

/** Every question of the dashboard, with the title of its panel. */
export function readDashboardQueries(): readonly (readonly [title: string, expr: string])[] {
  const { panels } = JSON.parse(readRootFile("infra/monitoring/grafana/money.json")) as {
    panels: readonly Panel[];
  };
  return panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const));
}

const isThere = (program: string): boolean =>
  spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;

/** Tests that need Prometheus' own programs; skipped, by name, where one is missing. */
export function describePrometheus(
  program: "promtool" | "prometheus",
  name: string,
  define: () => void,
): void {
  if (isThere(program)) describe(name, define);
  else describe.skip(`${name} (SKIPPED: no ${program} on PATH; install prometheus)`, define);
}
