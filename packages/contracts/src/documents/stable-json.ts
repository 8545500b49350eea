/** Prints JSON the same way every time: keys sorted, two spaces, a newline at the end. */
export function printStable(value: unknown): string {
  return `${JSON.stringify(value, (_key, each) => (isObject(each) ? sorted(each) : each), 2)}\n`;
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function sorted(object: object): object {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
