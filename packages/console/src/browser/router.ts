import { computed, signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type Parameters, pathTo, placeOf } from "../addresses.ts";

export { pathTo };

export type PageProps = Readonly<{ parameters: Parameters }>;
export type Page = ComponentType<PageProps>;

/** The title of the page; it is announced when it changes. */
export const title = signal("");

/** Names the page in the browser's tab and history. */
export function useTitle(text: string): void {
  useEffect(() => {
    title.value = text;
    document.title = `${text} · Counterfoil`;
  }, [text]);
}

/** Whether the heading of the page that is shown next takes the focus. */
let isArriving = false;

/** The heading of the next page takes the focus: a reader who uses no eyes would stay at what is gone. */
export function arrive(): void {
  isArriving = true;
}

/** @returns the reference of a page's heading */
export function useHeading() {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    if (isArriving) heading.current?.focus({ preventScroll: true });
    isArriving = false;
  }, []);
  return heading;
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
  show();
  if (how === "push") scrollTo(0, 0);
}

/** Shows the page of the address. Another page takes the focus; within a page it stays where it is. */
function show(): void {
  const before = JSON.stringify(place.peek());
  address.value = current();
  if (JSON.stringify(place.peek()) !== before) arrive();
}

export function focusHeading(): void {
  document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
}

/** If what has the focus is removed, the page's heading takes it: a keyboard goes on from there. */
export function keepFocus(): void {
  let last: Element | null = null;
  document.addEventListener("focusin", ({ target }) => {
    last = target instanceof Element ? target : null;
  });
  const observer = new MutationObserver(() => {
    if (last === null || last.isConnected || document.activeElement !== document.body) return;
    focusHeading();
  });
  observer.observe(document.body, { childList: true, subtree: true });
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
  addEventListener("popstate", show);
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

type Given = Readonly<Record<string, string | readonly string[]>>;

/**
 * The query of the address as request parameters, all of it: the service refuses what it does not know,
 * where a page would show something else than its address says.
 *
 * @param without names that concern the page only, or another of its requests
 */
export function queryGiven(without: readonly string[] = []): Given {
  const names = [...new Set(query.value.keys())].filter((name) => !without.includes(name));
  return Object.fromEntries(
    names.map((name) => {
      const values = query.value.getAll(name);
      return [name, values.length === 1 ? String(values[0]) : values];
    }),
  );
}

const MOMENT = ["as_of", "at_position", "known_at"] as const;

export type Moment = Readonly<Partial<Record<(typeof MOMENT)[number], string>>>;

/** The moment in the address, as request parameters; empty for the present. */
export const momentGiven = (): Moment =>
  Object.fromEntries(
    MOMENT.map((name) => [name, query.value.get(name)]).filter(([, value]) => value !== null),
  );

export const isPast = (moment: Moment): boolean => Object.keys(moment).length > 0;

/** The current address at the present. */
export const atPresent = (): string =>
  withQuery(Object.fromEntries(MOMENT.map((name) => [name, null])));
