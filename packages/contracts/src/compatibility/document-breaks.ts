/** Generated documents by path. */
type Documents = ReadonlyMap<string, Json>;

/**
 * Finds changes that break clients of the promised documents. Documents, fields, topics and routes
 * may be added.
 *
 * @returns one line per break, with its document
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

/** A document as promised, and as it is now. */
type Versions = Readonly<{ promised: Json; found: Json }>;

/**
 * Finds changes that break clients of the promised OpenAPI document: a missing operation, parameter or
 * response, a parameter that accepts less, a response of another shape. More routes, optional
 * parameters and error responses break no client.
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
    // Everything accepted before must still be accepted, so old and new are swapped here.
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

/** No operation has a request body so far, and an existing one must not begin to require one. */
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
 * Finds changes that break consumers of the promised AsyncAPI document: a missing topic or message,
 * another address or retention, a header, key or payload of another shape. More topics and messages
 * break no consumer.
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

/** A promised schema, and one that must not accept more than it. */
export type Pair = Readonly<{ promised: Part; found: Part }>;

/**
 * Finds where the found schema accepts what the promised one does not, or lacks a field. Additional
 * fields are no difference, since readers ignore them.
 *
 * @returns one line per difference, each with its place below `at`
 * @throws Error on an unknown keyword, so that nothing is silently skipped
 */
export function schemaDifferences({ promised, found }: Pair, at: string): readonly string[] {
  return compare({ promised, found }, at, new Map());
}

/** Pairs whose comparison has begun: a schema may refer to itself. */
type InProgress = Map<Json, Set<Json>>;

function compare(pair: Pair, at: string, inProgress: InProgress): readonly string[] {
  const promised = resolve(pair.promised);
  const found = resolve(pair.found);
  const compared = inProgress.get(promised.node) ?? new Set();
  if (compared.has(found.node)) return [];
  inProgress.set(promised.node, compared.add(found.node));
  const choices = branchesOf(promised);
  const differences = branchesOf(found).flatMap((branch) => {
    const attempts = choices.map((choice) => compareBranch(choice, branch, at, inProgress));
    return attempts.reduce((a, b) => (b.length < a.length ? b : a));
  });
  compared.delete(found.node);
  return differences;
}

/** The alternatives of a schema, each of one type. */
function branchesOf(part: Part): readonly Part[] {
  const { root, node } = resolve(part);
  const { oneOf, anyOf, ...others } = node;
  const alternatives = (oneOf ?? anyOf) as readonly Json[] | undefined;
  if (alternatives) {
    checkKeywords(others, ANNOTATIONS);
    return alternatives.flatMap((each) => branchesOf({ root, node: each }));
  }
  checkKeywords(node, KEYWORDS);
  if (!Array.isArray(node.type)) return [{ root, node }];
  return node.type.map((type: string) => ({ root, node: { ...node, type } }));
}

function compareBranch(
  promised: Part,
  found: Part,
  at: string,
  inProgress: InProgress,
): readonly string[] {
  const types = typeDifference(promised.node, found.node);
  if (types) return [`${at}: ${types}`];
  return [
    ...valueDifferences(promised.node, found.node).map((text) => `${at}: ${text}`),
    ...boundDifferences(promised.node, found.node).map((text) => `${at}: ${text}`),
    ...fieldDifferences({ promised, found }, at, inProgress),
    ...partDifferences({ promised, found }, "items", `${at}[]`, inProgress),
    ...partDifferences({ promised, found }, "additionalProperties", `${at}.*`, inProgress),
  ];
}

const TEXTS = ["pattern", "format"];
const LOWER = ["minimum", "exclusiveMinimum", "minLength", "minItems"];
const UPPER = ["maximum", "exclusiveMaximum", "maxLength", "maxItems"];
const ANNOTATIONS = ["$schema", "$id", "$defs", "title", "description", "examples", "default"];
const SHAPE = ["type", "const", "enum", "properties", "required", "items"];
const MAPS = ["additionalProperties", "propertyNames"];
const KEYWORDS = [...TEXTS, ...LOWER, ...UPPER, ...ANNOTATIONS, ...SHAPE, ...MAPS];

function checkKeywords(node: Json, understood: readonly string[]): void {
  const unknown = Object.keys(node).find((keyword) => !understood.includes(keyword));
  if (unknown) throw new Error(`the comparison of schemas does not understand "${unknown}" yet`);
}

function typeDifference({ type: promised }: Json, { type: found }: Json): string | null {
  const isNarrower = promised === "number" && found === "integer";
  if (promised === undefined || promised === found || isNarrower) return null;
  return `may be ${found ?? "of any type"}, was ${promised}`;
}

function valueDifferences(promised: Json, found: Json): readonly string[] {
  const known = valuesOf(promised);
  if (known === null) return [];
  const values = valuesOf(found);
  if (values === null) return [`may be any ${found.type}, was one of ${known.join(", ")}`];
  const added = values.filter((value) => !known.includes(value));
  return added.map((value) => `may be ${value}, was one of ${known.join(", ")}`);
}

function valuesOf(node: Json): readonly string[] | null {
  const values = "const" in node ? [node.const] : (node.enum as readonly unknown[] | undefined);
  return values?.map((value) => JSON.stringify(value)) ?? null;
}

function boundDifferences(promised: Json, found: Json): readonly string[] {
  // Listed values were compared one by one.
  if (valuesOf(found) !== null) return [];
  const loosened = (keyword: string): boolean => {
    if (promised[keyword] === undefined || promised[keyword] === found[keyword]) return false;
    if (TEXTS.includes(keyword) || found[keyword] === undefined) return true;
    const [before, now] = [Number(promised[keyword]), Number(found[keyword])];
    return LOWER.includes(keyword) ? now < before : now > before;
  };
  return [...TEXTS, ...LOWER, ...UPPER]
    .filter(loosened)
    .map((keyword) => `${keyword} is ${found[keyword] ?? "gone"}, was ${promised[keyword]}`);
}

function fieldDifferences(
  { promised, found }: Pair,
  at: string,
  inProgress: InProgress,
): readonly string[] {
  const now = objectAt(found.node, "properties");
  const isRequired = ({ node }: Part, name: string) =>
    ((node.required ?? []) as readonly string[]).includes(name);
  return Object.entries(objectAt(promised.node, "properties")).flatMap(([name, before]) => {
    const place = `${at}.${name}`;
    if (!Object.hasOwn(now, name)) return [`${place}: is gone`];
    const mayLack = isRequired(promised, name) && !isRequired(found, name);
    const pair = { promised: below(promised, before), found: below(found, now[name]) };
    return [
      ...(mayLack ? [`${place}: may be absent, was always there`] : []),
      ...compare(pair, place, inProgress),
    ];
  });
}

/** Compares the schema of list items, or of keys that are not named. */
function partDifferences(
  { promised, found }: Pair,
  keyword: "items" | "additionalProperties",
  at: string,
  inProgress: InProgress,
): readonly string[] {
  const [before, now] = [promised.node[keyword], found.node[keyword]];
  if (typeof before !== "object") return [];
  if (typeof now !== "object") return [`${at}: may be anything`];
  return compare({ promised: below(promised, before), found: below(found, now) }, at, inProgress);
}

const below = ({ root }: Part, node: unknown): Part => ({ root, node: node as Json });

/** A JSON object of a document. */
export type Json = Readonly<Record<string, unknown>>;

/** A part of a document, which may refer to other parts of it. */
export type Part = Readonly<{ root: Json; node: Json }>;

/**
 * Follows `$ref` to its target.
 *
 * @throws Error where it points outside the document, or to nothing
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

/** The object under a key; an empty object where there is none. */
const objectAt = (node: Json | undefined, key: string): Json => (node?.[key] ?? {}) as Json;
