/**
 * Every address of the console: the service answers these with the page, and the page's router
 * handles them. A parameter is one percent-encoded part of the path.
 */
export const ADDRESSES = {
  money: "/",
  accounts: "/accounts",
  account: "/accounts/:id",
  withdrawals: "/withdrawals",
  withdrawal: "/withdrawals/:id",
  deposits: "/deposits",
  deposit: "/deposits/:id",
  trades: "/trades",
  trade: "/trades/:id",
  attention: "/attention",
  anomaly: "/anomalies/:id",
  run: "/runs/:id",
  deliveries: "/deliveries",
  delivery: "/deliveries/:id",
  stream: "/stream",
  event: "/events/:id",
  projections: "/projections",
  search: "/search",
} as const;

export type AddressName = keyof typeof ADDRESSES;
export type Parameters = Readonly<Record<string, string>>;
type Place = Readonly<{ name: AddressName; parameters: Parameters }>;

/** @returns the console's address that a path matches; null if there is none */
export function placeOf(path: string): Place | null {
  for (const name of Object.keys(ADDRESSES) as AddressName[]) {
    const parameters = match(ADDRESSES[name].split("/"), path.split("/"));
    if (parameters !== null) return { name, parameters };
  }
  return null;
}

function match(pattern: readonly string[], parts: readonly string[]): Parameters | null {
  if (pattern.length !== parts.length) return null;
  const found: Record<string, string> = {};
  for (const [at, expected] of pattern.entries()) {
    const part = parts[at] ?? "";
    if (!expected.startsWith(":")) {
      if (part !== expected) return null;
      continue;
    }
    const value = decoded(part);
    if (value === null || value === "") return null;
    found[expected.slice(1)] = value;
  }
  return found;
}

/**
 * A browser takes a part of one or two dots for a folder, also percent-encoded: such an id has a `~` before
 * it, and one that looks like that another one.
 */
const partOf = (value: string): string => withoutDots(encodeURIComponent(value));

/** An address of the service's, as the console's own. */
export const withoutDots = (path: string): string => path.replace(/(?<=^|\/)(?=~*\.{1,2}$)/, "~");

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part).replace(/^~(?=~*\.{1,2}$)/, "");
  } catch {
    return null;
  }
}

/** Whether a path with this id cannot be requested from a browser. */
export const isDots = (id: string): boolean => id === "." || id === "..";

type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** The path of an address. Query values that are null or empty are omitted. */
export function pathTo(name: AddressName, parameters: Parameters = {}, query: Query = {}): string {
  const path = ADDRESSES[name].replace(/:(\w+)/g, (_, key: string) =>
    partOf(parameters[key] ?? ""),
  );
  const given = Object.entries(query).filter(([, value]) => value != null && value !== "");
  const text = new URLSearchParams(
    Object.fromEntries(given.map(([key, value]) => [key, String(value)])),
  ).toString();
  return text === "" ? path : `${path}?${text}`;
}
