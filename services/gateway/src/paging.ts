import { nodeHashing } from "@counterfoil/adapters/node/hashing";
import { Problem } from "@counterfoil/http/problem";
import {
  type CursorScope,
  decodeCursor,
  encodeCursor,
} from "@counterfoil/processing/queries/cursor";
import type { Page, PageRequest } from "@counterfoil/processing/queries/page";

type PageParameters = Readonly<{ limit: number; cursor?: string | undefined }>;

/** @throws Problem invalid_cursor */
export function pageOf({ limit, cursor }: PageParameters, scope: CursorScope): PageRequest {
  if (cursor === undefined) return { limit, beyond: null };
  const beyond = decodeCursor(cursor, scope, nodeHashing);
  if (beyond !== null) return { limit, beyond };
  throw new Problem(
    "invalid_cursor",
    "the cursor was not given out for this list with these filters: begin without one",
  );
}

/** A page as its body shows it. */
export function listBody<Record>(
  { data, next }: Page<Record>,
  scope: CursorScope,
  position: number,
) {
  const next_cursor = next === null ? null : encodeCursor(next, scope, nodeHashing);
  return { data, position: String(position), next_cursor };
}

export const oneBody = <Record>(data: Record, position: number) => ({
  data,
  position: String(position),
});

/** Parameters without those that were not given. */
export function given<Parameters extends Readonly<Record<string, unknown>>>(
  parameters: Parameters,
): { [Name in keyof Parameters]?: Exclude<Parameters[Name], undefined> } {
  const entries = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as ReturnType<typeof given<Parameters>>;
}
