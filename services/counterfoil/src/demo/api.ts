import { setTimeout as wait } from "node:timers/promises";
import type { ProblemDocument } from "@counterfoil/contracts/http";

type Answer<Data> = Readonly<{ data: Data; position: string }>;
type Parameters = Readonly<Record<string, string | number>>;

/** The service's HTTP interface, as any program would use it. */
export type Api = Readonly<{
  get: <Data>(path: string, parameters?: Parameters) => Promise<Data>;
  post: <Data>(path: string) => Promise<Data>;
}>;

export function createApi(address: string): Api {
  return {
    get: (path, parameters = {}) => {
      const url = new URL(path, address);
      for (const [name, value] of Object.entries(parameters)) {
        url.searchParams.set(name, String(value));
      }
      return request(url, { method: "GET" });
    },
    post: (path) => request(new URL(path, address), { method: "POST" }),
  };
}

async function request<Data>(url: URL, init: RequestInit): Promise<Data> {
  const response = await fetch(url, init);
  const body = (await response.json()) as Answer<Data> | ProblemDocument;
  if ("data" in body) return body.data;
  throw new Error(`${init.method} ${url.pathname}: ${body.status} ${body.code}: ${body.detail}`);
}

const POLL_EVERY_MS = 20;
const PATIENCE_MS = 30_000;

/** Asks again and again until the answer is the one that is waited for. */
export async function until<Data>(
  what: string,
  ask: () => Promise<Data>,
  isReached: (data: Data) => boolean,
): Promise<Data> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const data = await ask();
    if (isReached(data)) return data;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await wait(POLL_EVERY_MS);
  }
}
