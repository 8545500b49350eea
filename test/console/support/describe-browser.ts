import { existsSync } from "node:fs";
import { describe } from "@jest/globals";
import { CHROMIUM } from "./browser.ts";

/** Suites that need a real browser, skipped by name where there is none. */
export const describeBrowser = existsSync(CHROMIUM) ? describe : describe.skip;
