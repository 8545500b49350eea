import { modelName } from "@counterfoil/contracts/fact";
import { type Nanos, parseTime } from "@counterfoil/core/exact/time";
import { isStorable } from "@counterfoil/processing/queries/answers";
import { z } from "zod";

/**
 * Query parameters. Each is parsed from the text in the URL; the messages say what is expected, and
 * the answer to an invalid parameter quotes them.
 */
const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;

function number(expected: string, minimum: number, maximum: number) {
  const isInRange = (text: string) =>
    /^\d{1,16}$/.test(text) && Number(text) >= minimum && Number(text) <= maximum;
  return z.string({ error: expected }).refine(isInRange, expected).transform(Number);
}

export const limit = limitUpTo(LIMIT_MAX);

export function limitUpTo(maximum: number) {
  return number(`a whole number from 1 to ${maximum}`, 1, maximum)
    .optional()
    .transform((given) => given ?? LIMIT_DEFAULT)
    .meta({
      type: "integer",
      minimum: 1,
      maximum,
      description: `The maximum number of records on a page; default ${LIMIT_DEFAULT}`,
    });
}

export const cursor = text("the next_cursor of the page before")
  .optional()
  .meta({ description: "`next_cursor` of the previous page, with the same filters" });

const POSITION = "a position of the stream: a whole number, 0 or more";

export function position(description: string) {
  const schema = number(POSITION, 0, Number.MAX_SAFE_INTEGER);
  return schema.optional().meta({ type: "string", pattern: "^\\d+$", description });
}

const EVENT_POSITION = "the position of an event: a whole number, 1 or more";

export function requiredPosition(description: string) {
  const schema = number(EVENT_POSITION, 1, Number.MAX_SAFE_INTEGER);
  return schema.meta({ type: "string", pattern: "^[1-9]\\d*$", description });
}

export const minPosition = position(
  "Waits until the read model has reached this position: read your writes",
);

const TIME =
  "an ISO 8601 time with a zone, in the years 1970 to 2200 and with nine fraction digits at most, such as 2021-11-29T12:37:06.534066Z (in an address + is %2B)";

export function time(description: string) {
  return text(TIME)
    .transform((given, context): Nanos => {
      const nanos = given.includes("T") ? parseTime(given) : null;
      if (nanos !== null) return nanos;
      context.addIssue({ code: "custom", message: TIME });
      return z.NEVER;
    })
    .optional()
    .meta({ type: "string", format: "date-time", description });
}

export function flag(description: string) {
  return z
    .enum(["true", "false"], { error: "true or false" })
    .transform((word) => word === "true")
    .optional()
    .meta({ description });
}

export function choice<const Words extends readonly string[]>(words: Words, description: string) {
  return z
    .enum(words, { error: oneOfText(words) })
    .optional()
    .meta({ description });
}

/** How often one parameter may be repeated. */
const VALUES_MAX = 20;

function repeatable<Item extends z.ZodType<string>>(
  item: Item,
  expected: string,
  description: string,
) {
  const error = `${expected}; for several the parameter is repeated, ${VALUES_MAX} times at most`;
  return z
    .union([item, z.array(item).min(1).max(VALUES_MAX)], { error })
    .transform((given): readonly z.output<Item>[] => [...new Set([given].flat())] as never)
    .optional()
    .meta({ description: `${description}; if repeated, any of the values` });
}

/** One of some words; the parameter may be repeated. */
export function repeatableChoice<const Words extends readonly string[]>(
  words: Words,
  description: string,
) {
  return repeatable(z.enum(words), oneOfText(words), description);
}

/** A text to be matched exactly; the parameter may be repeated. */
export function repeatableText(description: string) {
  return repeatable(text("some text"), "some text", description);
}

/** Several words, separated by commas. */
export function commaSeparated<const Words extends readonly string[]>(
  words: Words,
  description: string,
) {
  const expected = `${oneOfText(words)}; several are separated by commas`;
  const isKnown = (word: string): word is Words[number] => words.includes(word);
  return text(expected)
    .transform((given) => given.split(","))
    .refine((given): given is Words[number][] => given.every(isKnown), expected)
    .optional()
    .meta({ description });
}

export const order = (expected: "asc" | "desc") =>
  z
    .enum(["asc", "desc"], { error: "asc or desc" })
    .optional()
    .transform((given) => given ?? expected)
    .meta({
      description: `asc: the oldest first; desc: the newest first; default ${expected}`,
    });

export const modelParam = z.enum(modelName.options);

/** A text that must be given. */
export function requiredText(description: string) {
  return text("some text").meta({ description });
}

function text(expected: string) {
  return z.string({ error: expected }).min(1, expected).refine(isStorable, expected);
}

/** An id in the path; one that cannot be stored is not found. */
export function pathId(description: string) {
  return z.string().refine(isStorable).meta({ description });
}

const oneOfText = (words: readonly string[]): string => `one of ${words.join(", ")}`;

/** The parameters of a resource; an unknown one is refused by its name. */
export function parameters<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape);
  const expected = names.length === 0 ? "no parameters at all" : `only ${names.join(", ")}`;
  const known = z.strictObject(shape, {
    error: ({ code }) => (code === "unrecognized_keys" ? expected : undefined),
  });
  return RANGES.filter((range) => range.every((name) => names.includes(name))).reduce(
    (schema, [since, until]) =>
      schema.refine(isForward(since, until), { path: [until], error: `no time before ${since}` }),
    known,
  );
}

/** Ranges that are refused if they end before they begin: they would silently match nothing. */
const RANGES = [
  ["since", "until"],
  ["updated_since", "updated_until"],
] as const;

const isForward =
  (since: string, until: string) =>
  (query: Readonly<Record<string, unknown>>): boolean => {
    const [from, to] = [query[since], query[until]];
    return typeof from !== "bigint" || typeof to !== "bigint" || from <= to;
  };
