import { describe } from "@jest/globals";
import { ENGINES } from "./support.ts";
import { defineTotals } from "./totals-cases.ts";

describe.each(ENGINES)("totals, on %s", (engine) => defineTotals(() => engine, 8));
