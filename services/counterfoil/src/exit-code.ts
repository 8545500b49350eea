/** What a command's end says to a script. */
export const EXIT = {
  ok: 0,
  /** Something was found, or was refused. */
  findings: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** The engine cannot be used just now. */
  unavailable: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
