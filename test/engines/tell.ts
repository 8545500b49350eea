import { inspect } from "node:util";

/** For a report, where COUNTERFOIL_TEST_TABLES is set. */
export function tell(what: string, found: object): void {
  if (process.env.COUNTERFOIL_TEST_TABLES === undefined) return;
  const shown = inspect(found, { breakLength: 120, colors: false });
  process.stdout.write(`\n${what}: ${shown}\n`);
}
