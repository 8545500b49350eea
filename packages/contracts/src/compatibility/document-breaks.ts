import { type Json, objectAt, type Part, resolve, schemaDifferences } from "./schema-difference.ts";

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

/** A document as it was promised, and as it is now. */
type Versions = Readonly<{ promised: Json; found: Json }>;

/**
 * What would break a client of the promised OpenAPI document: an operation, a parameter or an answer
 * that is gone, a parameter that takes less, an answer that says something else. More routes, more
 * optional parameters and more refusals break nobody.
 */
function openApiBreaks(documents: Versions): readonly string[] {
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

function parameterBreaks(roots: Versions, operations: Versions, at: string): readonly string[] {
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
function bodyBreaks({ promised, found }: Versions, at: string): readonly string[] {
  if (promised.requestBody !== undefined) throw new Error(`${at}: bodies are not compared yet`);
  const isNeeded = (found.requestBody as Json | undefined)?.required === true;
  return isNeeded ? [`${at}: needs a body now`] : [];
}

function answerBreaks(roots: Versions, operations: Versions, at: string): readonly string[] {
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

type Parts = Readonly<{ promised: Part; found: Part }>;

/**
 * What would break a consumer of the promised AsyncAPI document: a topic or a kind of message that
 * is gone, another address or retention, a header, key or payload that says something else. More
 * topics and more kinds of messages break nobody.
 */
function asyncApiBreaks({ promised, found }: Versions): readonly string[] {
  return Object.entries(objectAt(promised, "channels")).flatMap(([name, before]) => {
    const at = `topic ${name}`;
    const now = objectAt(found, "channels")[name];
    if (now === undefined) return [`${at}: is gone`];
    const parts = {
      promised: resolve({ root: promised, node: before as Json }),
      found: resolve({ root: found, node: now as Json }),
    };
    return [...addressBreaks(parts, at), ...settingBreaks(parts, at), ...messageBreaks(parts, at)];
  });
}

function addressBreaks({ promised, found }: Parts, at: string): readonly string[] {
  const [before, now] = [promised.node.address, found.node.address];
  return before === now ? [] : [`${at}: its address is ${now}, was ${before}`];
}

function settingBreaks({ promised, found }: Parts, at: string): readonly string[] {
  const now = settingsOf(found.node);
  return Object.entries(settingsOf(promised.node)).flatMap(([name, value]) => {
    const [before, present] = [JSON.stringify(value), JSON.stringify(now[name])];
    return before === present ? [] : [`${at}: ${name} is ${present ?? "gone"}, was ${before}`];
  });
}

const settingsOf = (channel: Json): Json =>
  objectAt(objectAt(objectAt(channel, "bindings"), "kafka"), "topicConfiguration");

function messageBreaks({ promised, found }: Parts, at: string): readonly string[] {
  const now = objectAt(found.node, "messages");
  return Object.entries(objectAt(promised.node, "messages")).flatMap(([name, before]) => {
    const place = `${at} ${name}`;
    if (now[name] === undefined) return [`${place}: is gone`];
    const messages = {
      promised: resolve({ root: promised.root, node: before as Json }),
      found: resolve({ root: found.root, node: now[name] as Json }),
    };
    return PARTS.flatMap(([what, partOf]) =>
      schemaDifferences(
        {
          promised: { root: promised.root, node: partOf(messages.promised.node) },
          found: { root: found.root, node: partOf(messages.found.node) },
        },
        `${place} ${what}`,
      ),
    );
  });
}

const PARTS: readonly (readonly [string, (message: Json) => Json])[] = [
  ["headers", (message) => objectAt(message, "headers")],
  ["payload", (message) => objectAt(message, "payload")],
  ["key", (message) => objectAt(objectAt(objectAt(message, "bindings"), "kafka"), "key")],
];
