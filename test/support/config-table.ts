import { CONFIG, configSchema } from "@counterfoil/contracts/config";

/** The table of variables in docs/configuration.md, from the schema that checks them. */
export function configTable(): string {
  const defaults: Readonly<Record<string, unknown>> = configSchema.parse({});
  const rows = Object.entries(CONFIG).map(([name, schema]) => {
    return `| \`${name}\` | ${shownDefault(name, defaults[name])} | ${schema.description} |`;
  });
  return ["| variable | default | what |", "| --- | --- | --- |", ...rows].join("\n");
}

function shownDefault(name: string, value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return "–";
  if (name === "COUNTERFOIL_STUCK_AFTER") return "`24h`";
  if (name === "COUNTERFOIL_DRAIN_FOR") return "`1s`";
  if (name === "COUNTERFOIL_HEAD_EVERY") return "`1h`";
  return `\`${value}\``;
}
