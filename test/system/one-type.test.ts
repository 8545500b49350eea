import { describe } from "@jest/globals";
import { defineOneTypeCases } from "./one-type-cases.ts";
import { ENGINES } from "./support.ts";

describe.each(ENGINES)("one body, one type on %s:", (engine) => defineOneTypeCases(() => engine));
