import { computed, signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { type Parameters, pathTo, placeOf } from "../addresses.ts";

export { pathTo };

export type PageProps = Readonly<{ parameters: Parameters }>;
export type Page = ComponentType<PageProps>;

/** Names the page in the browser's tab and history. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Counterfoil`;
  }, [title]);
}

const current = (): string => location.pathname + location.search;

const address = signal(current());

/** The current page; null if the console has no such address. */
export const place = computed(() => placeOf(new URL(address.value, location.origin).pathname));

/** The query of the current address. */
export const query = computed(() => new URL(address.value, location.origin).searchParams);

/** Navigates to a path of the console; `replace` adds no entry to the browser's history. */
export function go(path: string, how: "push" | "replace" = "push"): void {
  if (path === current()) return;
  if (how === "push") history.pushState(null, "", path);
  else history.replaceState(null, "", path);
  address.value = current();
  if (how === "push") scrollTo(0, 0);
}

/** The current address with changed query values, at its first page; null or empty values are removed. */
export function withQuery(changes: Readonly<Record<string, string | null>>): string {
  const next = new URLSearchParams(query.value);
  next.delete("cursor");
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  return next.size === 0 ? location.pathname : `${location.pathname}?${next}`;
}

/** Handles the console's own links in this page, and leaves all others to the browser. */
export function followLinks(): void {
  addEventListener("popstate", () => {
    address.value = current();
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || link.target !== "" || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || placeOf(link.pathname) === null) return;
    if (link.hash !== "") return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

/** The values that the address has for these names, as request parameters. */
export function givenBy<Name extends string>(
  names: readonly Name[],
): Readonly<Partial<Record<Name, string>>> {
  const entries = names.map((name) => [name, query.value.get(name)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== null)) as Partial<
    Record<Name, string>
  >;
}

export type Moment = Readonly<{ as_of?: string; known_at?: string }>;

/** The moment in the address, as request parameters; empty for the present. */
export const momentGiven = (): Moment => givenBy(["as_of", "known_at"]);

export const isPast = (moment: Moment): boolean => Object.keys(moment).length > 0;
