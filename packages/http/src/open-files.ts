import { readFileSync } from "node:fs";

/** How many files and connections this process may open; null where the system does not say. */
export function openFilesMax(): number | null {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}

/** For everything beside the connections of a listener: databases, threads, brokers, modules. */
const OTHER_FILES = 200;

/** How many connections a listener may have, so that they leave files for the rest. */
export function connectionsWithin(connectionsMax: number): number {
  const files = openFilesMax();
  return files === null
    ? connectionsMax
    : Math.max(1, Math.min(connectionsMax, files - OTHER_FILES));
}
