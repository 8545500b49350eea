import { asyncApiBreaks } from "./async-api-break.ts";
import { openApiBreaks } from "./open-api-break.ts";
import type { Json } from "./pointer.ts";
import { schemaDifferences } from "./schema-difference.ts";

/** Generated documents by path. */
export type Documents = ReadonlyMap<string, Json>;

/**
 * What would break somebody who was built on the promised documents. Growth is welcome: documents,
 * fields, topics, routes may be added.
 *
 * @returns one line a break, with the document that it stands in.
 */
export function documentBreaks(promised: Documents, found: Documents): readonly string[] {
  return [...promised].flatMap(([path, before]) => {
    const now = found.get(path);
    if (now === undefined) return [`${path}: is gone`];
    return breaksIn(path, before, now).map((text) => `${path}: ${text}`);
  });
}

function breaksIn(path: string, promised: Json, found: Json): readonly string[] {
  if (path.endsWith("openapi.json")) return openApiBreaks({ promised, found });
  if (path.endsWith("asyncapi.json")) return asyncApiBreaks({ promised, found });
  const pair = {
    promised: { root: promised, node: promised },
    found: { root: found, node: found },
  };
  return schemaDifferences(pair, "$");
}
