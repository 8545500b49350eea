/** A JSON object of a document that was read. */
export type Json = Readonly<Record<string, unknown>>;

/** A part of a document, which may refer to other parts of it. */
export type Part = Readonly<{ root: Json; node: Json }>;

/**
 * Follows `$ref` until there is none.
 *
 * @throws Error where it leads out of the document, or nowhere.
 */
export function resolve({ root, node }: Part): Part {
  let found = node;
  while (typeof found.$ref === "string") found = lookUp(root, found.$ref);
  return { root, node: found };
}

function lookUp(root: Json, pointer: string): Json {
  if (!pointer.startsWith("#/")) throw new Error(`${pointer} leads out of the document`);
  let found: unknown = root;
  for (const step of pointer.slice(2).split("/")) {
    const key = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
    found = (found as Json | undefined)?.[key];
  }
  if (found === undefined) throw new Error(`${pointer} leads nowhere`);
  return found as Json;
}

/** What lies under a key; an empty object where nothing does. */
export const objectAt = (node: Json | undefined, key: string): Json => (node?.[key] ?? {}) as Json;
