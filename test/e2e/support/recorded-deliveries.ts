import type { EventRecord } from "@counterfoil/contracts/record";
import { expect } from "@jest/globals";
import type { Api } from "./api.ts";

/** Ids of all deliveries on the stream; an id that stands there twice fails. */
export async function recordedDeliveries(api: Api, head: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let after = 0; after < head; ) {
    const page = await api.get<readonly EventRecord[]>("/v1/events", {
      after,
      limit: 1000,
      types: "DeliveryReceived",
    });
    if (page.length === 0) break;
    ids.push(...page.map(({ id }) => id));
    after = Number(page.at(-1)?.position);
  }
  expect(new Set(ids).size).toBe(ids.length);
  return ids;
}
