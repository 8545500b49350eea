import { mkdirSync } from "node:fs";
import { type FileKind, portError } from "./engine-error.ts";

export function createFolder(folder: string, kind: FileKind): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw portError(error, kind, folder);
  }
}
