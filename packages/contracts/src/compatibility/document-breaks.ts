/** Generated documents by path. */
type Documents = ReadonlyMap<string, Json>;

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

/** A schema as it was promised, and one that must let nothing pass that the promise does not. */
export type Pair = Readonly<{ promised: Part; found: Part }>;

/**
 * Where a value of the found schema may be something that the promised one does not let pass, or
 * lacks a field that it names. More fields are no difference: readers leave them out.
 *
 * @returns one line a difference, each with its place below `at`.
 * @throws Error on a keyword that it does not understand: nothing is passed over in silence.
 */
export function schemaDifferences({ promised, found }: Pair, at: string): readonly string[] {
  return compare({ promised, found }, at, new Map());
}

/** Pairs that are being compared further up: a schema may refer to itself. */
type UnderWay = Map<Json, Set<Json>>;

function compare(pair: Pair, at: string, underWay: UnderWay): readonly string[] {
  const promised = resolve(pair.promised);
  const found = resolve(pair.found);
  const compared = underWay.get(promised.node) ?? new Set();
  if (compared.has(found.node)) return [];
  underWay.set(promised.node, compared.add(found.node));
  const choices = branchesOf(promised);
  const differences = branchesOf(found).flatMap((branch) => {
    const attempts = choices.map((choice) => compareBranch(choice, branch, at, underWay));
    return attempts.reduce((a, b) => (b.length < a.length ? b : a));
  });
  compared.delete(found.node);
  return differences;
}

/** The alternatives that a schema offers, each of one type. */
function branchesOf(part: Part): readonly Part[] {
  const { root, node } = resolve(part);
  const { oneOf, anyOf, ...beside } = node;
  const alternatives = (oneOf ?? anyOf) as readonly Json[] | undefined;
  if (alternatives) {
    checkKeywords(beside, SPOKEN);
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
  underWay: UnderWay,
): readonly string[] {
  const types = typeDifference(promised.node, found.node);
  if (types) return [`${at}: ${types}`];
  return [
    ...valueDifferences(promised.node, found.node).map((text) => `${at}: ${text}`),
    ...boundDifferences(promised.node, found.node).map((text) => `${at}: ${text}`),
    ...fieldDifferences({ promised, found }, at, underWay),
    ...partDifferences({ promised, found }, "items", `${at}[]`, underWay),
    ...partDifferences({ promised, found }, "additionalProperties", `${at}.*`, underWay),
  ];
}

const TEXTS = ["pattern", "format"];
const LOWER = ["minimum", "exclusiveMinimum", "minLength", "minItems"];
const UPPER = ["maximum", "exclusiveMaximum", "maxLength", "maxItems"];
const SPOKEN = ["$schema", "$id", "$defs", "title", "description", "examples", "default"];
const SHAPE = ["type", "const", "enum", "properties", "required", "items"];
const MAPS = ["additionalProperties", "propertyNames"];
const KEYWORDS = [...TEXTS, ...LOWER, ...UPPER, ...SPOKEN, ...SHAPE, ...MAPS];

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
  // Values that are listed were compared one by one.
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
  underWay: UnderWay,
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
      ...compare(pair, place, underWay),
    ];
  });
}

/** Of what stands in a list or under keys that are not named. */
function partDifferences(
  { promised, found }: Pair,
  keyword: "items" | "additionalProperties",
  at: string,
  underWay: UnderWay,
): readonly string[] {
  const [before, now] = [promised.node[keyword], found.node[keyword]];
  if (typeof before !== "object") return [];
  if (typeof now !== "object") return [`${at}: may be anything`];
  return compare({ promised: below(promised, before), found: below(found, now) }, at, underWay);
}

const below = ({ root }: Part, node: unknown): Part => ({ root, node: node as Json });

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
const objectAt = (node: Json | undefined, key: string): Json => (node?.[key] ?? {}) as Json;
