import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "@jest/globals";

/** Mounts a real disk on a folder; only root can. */
export function mountDisk(folder: string, options: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export function mountAgain(folder: string, options: string): void {
  execFileSync("mount", ["-o", `remount,${options}`, folder]);
}

export const unmount = (folder: string) => execFileSync("umount", [folder]);

function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "counterfoil-mount-"));
  const isMounted = mountDisk(folder, "size=1m");
  if (isMounted) unmount(folder);
  rmSync(folder, { recursive: true });
  return isMounted;
}

export const describeWithDisk = mayMount() ? describe : describe.skip;
