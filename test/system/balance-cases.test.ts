import { describe } from "@jest/globals";
import { defineBalanceCases } from "./balance-cases.ts";
import { openBalanceLedger } from "./balance-ledger.ts";
import { ENGINES } from "./support.ts";

describe.each(ENGINES)("balances on %s:", (engine) =>
  defineBalanceCases(() => openBalanceLedger(engine)),
);
