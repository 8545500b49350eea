import { createClient, type ProblemDocument, ProblemError } from "@counterfoil/client";
import { computed, signal } from "@preact/signals";

/*
 * Who asks. The key stays in this variable: in no cookie, which other programs on this host would be
 * sent, in no storage, in no address. A reload forgets it.
 */
const key = signal<string | null>(null);

/** Why the service wants a key, in its own words; null as long as it answers. */
export const locked = signal<string | null>(null);
/** Whether it would go on answering without one. */
export const isKeyOptional = signal(false);

export const hasKey = computed(() => key.value !== null);

/** Asks whatever the service answers, as whoever is logged in. */
export const api = computed(() =>
  createClient({
    baseUrl: location.origin,
    fetch: watch,
    ...(key.value !== null && { key: key.value }),
  }),
);

/** Tries a key. @returns why it opens nothing; null where it does */
export async function logIn(secret: string): Promise<string | null> {
  const candidate = secret.trim();
  if (!/^[\x21-\x7e]+$/.test(candidate)) return "A key begins with cf_ and has no spaces.";
  const client = createClient({ baseUrl: location.origin, key: candidate });
  try {
    await client.getStatus();
  } catch (error) {
    if (error instanceof ProblemError && error.status === 401) {
      return "This key opens nothing here: it is not of this ledger, was revoked, or has expired.";
    }
    return error instanceof ProblemError ? error.message : "The service does not answer.";
  }
  key.value = candidate;
  locked.value = null;
  return null;
}

/** Without a key this page reads, where the service lets anybody; with one it may do more. */
export function askForKey(): void {
  isKeyOptional.value = true;
  locked.value = "Give a key to do more than read.";
}

export function goOnReading(): void {
  locked.value = null;
}

export function logOut(): void {
  isKeyOptional.value = false;
  key.value = null;
  locked.value = "You have logged out.";
}

const isReading = ({ method = "GET" }: RequestInit = {}): boolean => method === "GET";

/** Every request goes through here, so that a key that is revoked meanwhile is asked for at once. */
export async function watch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init);
  // Where nobody is asked for a key to read, one is wanted to change something: that is said there.
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
