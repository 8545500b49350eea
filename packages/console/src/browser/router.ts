import { computed, signal } from "@preact/signals";
import { type AddressName, type Parameters, pathTo, placeOf } from "../addresses.ts";

const current = (): string => location.pathname + location.search;

const address = signal(current());

/** Where the page is; null where the console has no such address. */
export const place = computed(() => placeOf(new URL(address.value, location.origin).pathname));

/** What is given behind the `?`. */
export const query = computed(() => new URL(address.value, location.origin).searchParams);

/** Goes to a path of the console, as a link does; `replace` leaves no way back. */
export function go(path: string, how: "push" | "replace" = "push"): void {
  if (path === current()) return;
  if (how === "push") history.pushState(null, "", path);
  else history.replaceState(null, "", path);
  address.value = current();
  if (how === "push") scrollTo(0, 0);
}

/** The same page with another query; what is null or empty is left out. The first page of it. */
export function withQuery(changes: Readonly<Record<string, string | null>>): string {
  const next = new URLSearchParams(query.value);
  next.delete("cursor");
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  return next.size === 0 ? location.pathname : `${location.pathname}?${next}`;
}

/** Keeps links of the console within this page, and leaves all others to the browser. */
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

export { type AddressName, type Parameters, pathTo };
