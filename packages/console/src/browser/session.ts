import { type Client, createClient, type ProblemDocument, ProblemError } from "@counterfoil/client";
import { computed, effect, signal } from "@preact/signals";

/*
 * The API key is kept in this variable only. It is not in a cookie, which would be sent to other
 * programs on this host, not in storage, and not in an address. A reload forgets it.
 */
const key = signal<string | null>(null);

/** Why the service requires a key, in its own words; null while it answers. */
export const locked = signal<string | null>(null);
/** Whether the service also answers without a key. */
export const isKeyOptional = signal(false);

export const hasKey = computed(() => key.value !== null);

/** The service answers within 20 s, or refuses: what takes longer will not come. */
const ANSWER_MS = 25_000;

/** A request that is given up after a time, also while its answer is being read. */
const fetchInTime: typeof fetch = (input, init) => {
  const limit = AbortSignal.timeout(ANSWER_MS);
  return fetch(input, {
    ...init,
    signal: init?.signal ? AbortSignal.any([limit, init.signal]) : limit,
  });
};

/** A client with the session's key. */
export const api = computed(() => clientWith(key.value, fetchOrLock));

const clientWith = (key: string | null, fetchWith: typeof fetch): Client =>
  createClient({ baseUrl: location.origin, fetch: fetchWith, ...(key !== null && { key }) });

/** Tries a key. @returns why it is refused; null if it is accepted */
export async function logIn(secret: string): Promise<string | null> {
  const candidate = secret.trim();
  if (!/^[\x21-\x7e]+$/.test(candidate)) {
    return "A key begins with cf_ and has only ASCII letters, digits and signs, and no spaces.";
  }
  const client = clientWith(candidate, fetchInTime);
  try {
    await client.getStatus();
  } catch (error) {
    if (error instanceof ProblemError && error.status === 401) {
      return "This key is not valid here: it belongs to another ledger, was revoked, or has expired.";
    }
    return error instanceof ProblemError ? error.message : "The service does not answer.";
  }
  key.value = candidate;
  locked.value = null;
  return null;
}

/** Asks for a key although the service may be read without one. */
export function askForKey(): void {
  isKeyOptional.value = true;
  locked.value = "Enter a key to make changes.";
}

export function continueWithoutKey(): void {
  locked.value = null;
}

export function logOut(): void {
  isKeyOptional.value = false;
  key.value = null;
  locked.value = "You have logged out.";
}

const isReading = ({ method = "GET" }: RequestInit = {}): boolean => method === "GET";

/** If the service requires a key, for example after a revocation, the page asks for one. */
async function fetchOrLock(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
  const response = await fetchInTime(input, init);
  // Only refused reads lock the page: a refused change shows its own message.
  if (response.status === 401 && isReading(init)) {
    isKeyOptional.value = false;
    const problem = (await response
      .clone()
      .json()
      .catch(() => null)) as ProblemDocument | null;
    locked.value = problem?.detail ?? "The service asks for an API key.";
  }
  return response;
}

type Theme = "system" | "light" | "dark";
type Zone = "utc" | "local";

/** Kept in memory only, like all of this page's state. */
export const theme = signal<Theme>("system");
export const zone = signal<Zone>("utc");

/** Selects one of the style sheet's two themes. */
export function applyTheme(): void {
  effect(() => {
    const root = document.documentElement;
    if (theme.value === "system") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme.value);
  });
}

const NEXT_THEME: Readonly<Record<Theme, Theme>> = {
  system: "dark",
  dark: "light",
  light: "system",
};

export function switchTheme(): void {
  theme.value = NEXT_THEME[theme.value];
}

export function switchZone(): void {
  zone.value = zone.value === "utc" ? "local" : "utc";
}
