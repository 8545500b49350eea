import { execFileSync } from "node:child_process";
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newFolder } from "./folder.ts";

type SmallDisk = Readonly<{
  folder: string;
  /** Takes all the space that is left. */
  fill: () => void;
  /** Takes it but for so many megabytes. */
  fillBut: (megabytes: number) => void;
  free: () => void;
  unmount: () => void;
}>;

/** A disk of a few megabytes; null where this user may not mount one. */
export function mountSmallDisk(megabytes: number): SmallDisk | null {
  const folder = newFolder();
  try {
    const options = ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder];
    execFileSync("mount", options, { stdio: "ignore" });
  } catch {
    return null;
  }
  const filler = join(folder, "filler");
  return {
    folder,
    fill() {
      writeFileSync(filler, "");
      for (const bytes of [65_536, 4096, 1]) {
        try {
          for (;;) appendFileSync(filler, "x".repeat(bytes));
        } catch {
          // Full, but for what is smaller than one of these.
        }
      }
    },
    fillBut(kept) {
      writeFileSync(filler, Buffer.alloc((megabytes - kept) * 1024 * 1024));
    },
    free: () => rmSync(filler, { force: true }),
    unmount: () => void execFileSync("umount", ["-l", folder]),
  };
}
