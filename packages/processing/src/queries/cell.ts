import { formatTime } from "@counterfoil/core/exact/time";
import type { Value } from "../ports/table.ts";

/** A row's cells as records show them; absent is null in both. */
export const textIn = (value: Value | undefined): string | null =>
  typeof value === "string" ? value : null;

export const timeIn = (value: Value | undefined): string | null =>
  typeof value === "bigint" ? formatTime(value) : null;

export const positionIn = (value: Value | undefined): string => String(value ?? 0);

export const positionOrNull = (value: Value | undefined): string | null =>
  value === null || value === undefined ? null : String(value);
