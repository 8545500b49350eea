import { type Json, objectAt, resolve } from "./pointer.ts";
import { schemaDifferences } from "./schema-difference.ts";

type Documents = Readonly<{ promised: Json; found: Json }>;

/**
 * What would break a client of the promised OpenAPI document: an operation, a parameter or an answer
 * that is gone, a parameter that takes less, an answer that says something else. More routes, more
 * optional parameters and more refusals break nobody.
 */
export function openApiBreaks(documents: Documents): readonly string[] {
  const { promised, found } = documents;
  return Object.entries(objectAt(promised, "paths")).flatMap(([path, methods]) =>
    Object.entries(methods as Json).flatMap(([method, operation]) => {
      const at = `${method.toUpperCase()} ${path}`;
      const now = objectAt(objectAt(found, "paths"), path)[method] as Json | undefined;
      if (now === undefined) return [`${at}: is gone`];
      const operations = { promised: operation as Json, found: now };
      return [
        ...parameterBreaks(documents, operations, at),
        ...bodyBreaks(operations, at),
        ...answerBreaks(documents, operations, at),
      ];
    }),
  );
}

function parameterBreaks(roots: Documents, operations: Documents, at: string): readonly string[] {
  const before = parametersOf(roots.promised, operations.promised);
  const now = parametersOf(roots.found, operations.found);
  const kept = [...before].flatMap(([name, parameter]) => {
    const place = `${at} ${name}`;
    const present = now.get(name);
    if (present === undefined) return [`${place}: is not taken any more`];
    // What was taken must be taken still: here the new schema is the wider one.
    const differences = schemaDifferences(
      {
        promised: { root: roots.found, node: objectAt(present, "schema") },
        found: { root: roots.promised, node: objectAt(parameter, "schema") },
      },
      place,
    );
    return differences.map((text) => `${text} and must be taken still`);
  });
  const needed = [...now].flatMap(([name, { required }]) => {
    const wasNeeded = before.get(name)?.required === true;
    return required === true && !wasNeeded ? [`${at} ${name}: is needed now`] : [];
  });
  return [...kept, ...needed];
}

function parametersOf(root: Json, operation: Json): ReadonlyMap<string, Json> {
  const all = (operation.parameters ?? []) as readonly Json[];
  const resolved = all.map((node) => resolve({ root, node }).node);
  return new Map(resolved.map((each) => [`${each.in} parameter ${each.name}`, each]));
}

/** No operation takes a body so far, and none that takes none may ask for one. */
function bodyBreaks({ promised, found }: Documents, at: string): readonly string[] {
  if (promised.requestBody !== undefined) throw new Error(`${at}: bodies are not compared yet`);
  const isNeeded = (found.requestBody as Json | undefined)?.required === true;
  return isNeeded ? [`${at}: needs a body now`] : [];
}

function answerBreaks(roots: Documents, operations: Documents, at: string): readonly string[] {
  const now = objectAt(operations.found, "responses");
  return Object.entries(objectAt(operations.promised, "responses")).flatMap(([status, answer]) => {
    const place = `${at} ${status}`;
    const isRefusal = !status.startsWith("2");
    if (now[status] === undefined) return isRefusal ? [] : [`${place}: is gone`];
    const before = contentOf(roots.promised, answer as Json);
    const content = contentOf(roots.found, now[status] as Json);
    return Object.entries(before).flatMap(([type, media]) => {
      if (content[type] === undefined) return [`${place} ${type}: is gone`];
      return schemaDifferences(
        {
          promised: { root: roots.promised, node: objectAt(media as Json, "schema") },
          found: { root: roots.found, node: objectAt(content[type] as Json, "schema") },
        },
        place,
      );
    });
  });
}

const contentOf = (root: Json, node: Json): Json =>
  objectAt(resolve({ root, node }).node, "content");
