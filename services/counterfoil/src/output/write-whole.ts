import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { WrongUsage } from "../error-report.ts";

/**
 * Writes a file under another name and gives it its own when it is whole and on the disk: whatever
 * happens on the way, nobody finds half of it.
 *
 * @throws WrongUsage where it cannot be written
 */
export function writeWhole(file: string, text: string): void {
  const half = `${file}.${process.pid}.partial`;
  try {
    const opened = openSync(half, "wx");
    try {
      writeSync(opened, text);
      fsyncSync(opened);
      renameSync(half, file);
    } finally {
      closeSync(opened);
      rmSync(half, { force: true });
    }
  } catch (error) {
    throw new WrongUsage(`${file} cannot be written: ${(error as Error).message}`);
  }
}
