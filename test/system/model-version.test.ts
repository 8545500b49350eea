import { describe } from "@jest/globals";
import { defineModelVersions } from "./model-version-cases.ts";
import { ENGINES } from "./support.ts";

describe.each(ENGINES)("a new version of a model, on %s", (engine) =>
  defineModelVersions(() => engine),
);
