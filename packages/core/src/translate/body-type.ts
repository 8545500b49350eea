/**
 * Which type of Zero Hash a body shows by itself. No signature covers the header that names the type,
 * so a body counts for a type only where one of that type's marks stands in it: a key, be it empty,
 * that every printed body of the type has and no other type's. Two types of funds share one shape.
 */
export type BodyType = Readonly<{ marks: readonly string[] }>;

/** By payload type; two spellings of one type are one and the same `BodyType`. */
export type BodyTypes = Readonly<Record<string, BodyType>>;

export function isOfType(value: unknown, { marks }: BodyType): boolean {
  return (
    typeof value === "object" && value !== null && marks.some((mark) => Object.hasOwn(value, mark))
  );
}

/**
 * The types, other than the one that it came as, that a body could be of. Types that no model folds
 * are not among them: their bodies are not described well enough to be told from others.
 */
export function otherTypes(
  value: unknown,
  payloadType: string,
  types: BodyTypes,
): readonly string[] {
  const own = Object.hasOwn(types, payloadType) ? types[payloadType] : undefined;
  return Object.entries(types)
    .filter(([, type]) => type !== own && isOfType(value, type))
    .map(([name]) => name);
}
