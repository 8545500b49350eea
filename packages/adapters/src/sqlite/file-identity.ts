import { statSync } from "node:fs";

/** Which file lies at a path, so that one that was deleted or replaced is noticed. */
export function identityOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? "missing" : `${stats.dev}:${stats.ino}`;
}
