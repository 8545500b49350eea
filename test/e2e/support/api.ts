import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import { type Api, createApi, until } from "../../../services/counterfoil/src/demo/service.ts";

export { type Api, createApi, until };

/** The status once every model has folded everything and is served; its head is `position` or later. */
export function whenFolded(api: Api, position = 1): Promise<StatusRecord> {
  return until(
    `all models at ${position}`,
    () => api.get<StatusRecord>("/v1/status"),
    ({ head, projections }) =>
      Number(head) >= position && projections.every(({ state }) => state === "live"),
  );
}

/** The status once these generations are served, one for each model in the status's order. */
export function whenServed(api: Api, generations: readonly number[]): Promise<StatusRecord> {
  return until(
    `generations ${generations.join(", ")}`,
    () => api.get<StatusRecord>("/v1/status"),
    ({ projections }) => projections.every((it, at) => it.generation === generations[at]),
  );
}

export function stateDigests({ projections }: StatusRecord): Readonly<Record<string, string>> {
  return Object.fromEntries(projections.map(({ name, state_digest }) => [name, state_digest]));
}

export function digests({ projections }: StatusRecord): Readonly<Record<string, string>> {
  return Object.fromEntries(projections.map(({ name, digest }) => [name, digest]));
}
