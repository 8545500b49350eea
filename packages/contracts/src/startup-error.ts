import type { ErrorCode } from "./error-code.ts";

/** Why a role does not start: what was found, what is expected, and which variable to set. */
export class StartupError extends Error {
  override readonly name = "StartupError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
