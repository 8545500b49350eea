import { describe } from "@jest/globals";
import { defineSocketOrderCases } from "./socket-order-cases.ts";
import { ENGINES } from "./support.ts";

describe.each(ENGINES)("the order of sockets on %s:", (engine) =>
  defineSocketOrderCases(() => engine),
);
