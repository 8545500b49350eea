import { ConfigurationInvalid } from "@counterfoil/adapters/config";
import { StartupError } from "@counterfoil/contracts/http";
import { NotInTree } from "@counterfoil/processing/audit/heads";
import { RebuildRunning } from "@counterfoil/processing/generations/rebuild";
import { NothingThere } from "@counterfoil/processing/operator";
import {
  FormatTooNew,
  GenerationMissing,
  LedgerMismatch,
  ModelUnavailable,
  StreamCorrupted,
  StreamForked,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";
import { ModelNotServed } from "@counterfoil/processing/queries/serving";
import { describe, expect, test } from "@jest/globals";
import { printedError, reportOf, WrongUsage } from "./error-report.ts";

describe("what a person is told", () => {
  test.each<readonly [Error, string, number]>([
    [new ConfigurationInvalid(["a", "b"]), "configuration_invalid", 2],
    [new StartupError("port_in_use", "x"), "port_in_use", 2],
    [new StartupError("configuration_invalid", "x"), "configuration_invalid", 2],
    [new WrongUsage("x"), "wrong_usage", 2],
    [new NothingThere("x"), "not_found", 2],
    [new NotInTree("x"), "not_found", 2],
    [new LedgerMismatch("x"), "ledger_mismatch", 2],
    [new StreamMissing("x"), "stream_unavailable", 3],
    [new StreamUnavailable("x"), "stream_unavailable", 3],
    [new ModelUnavailable("x"), "model_unavailable", 3],
    [new ModelNotServed("x"), "model_unavailable", 3],
    [new StreamCorrupted("x"), "stream_corrupted", 1],
    [new StreamForked("x"), "stream_forked", 1],
    [new GenerationMissing("x"), "generation_missing", 1],
    [new FormatTooNew("x"), "format_too_new", 1],
    [new RebuildRunning("x"), "rebuild_running", 1],
    [new TypeError("x"), "internal_error", 1],
    [Object.assign(new Error("x"), { code: "ENOENT" }), "internal_error", 1],
  ])("%s", (error, code, exit) => {
    expect(reportOf(error)).toMatchObject({ code, exit });
  });

  test("is the code and every line of the message, without a stack", () => {
    const printed = printedError(new ConfigurationInvalid(["one", "two"]), undefined);
    expect(printed).toBe("error: configuration_invalid\n  one\n  two\n");
    expect(printedError(new TypeError("x"), "info")).toContain("COUNTERFOIL_LOG_LEVEL=debug");
  });

  test.each([
    ["import", /free some space\n {2}then repeat the command: what is imported stays/],
    ["replay", /free some space\n {2}then repeat the command: nothing of this run is left\n/],
    ["rebuild", /free some space\n {2}then repeat the command\n/],
    [null, /free some space\n {2}then repeat the command\n/],
  ])("and what to do where %s has ended because something is unavailable", (command, says) => {
    const full = new StreamUnavailable("the event stream in a.db: full: free some space");
    expect(printedError(full, undefined, command)).toMatch(says);
    expect(printedError(new StreamCorrupted("x"), undefined, command)).not.toContain("repeat");
  });

  test("and the stack for who asks for everything", () => {
    expect(printedError(new TypeError("x"), "debug")).toMatch(/^\s+at /m);
  });
});
