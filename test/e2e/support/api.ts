import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import { type Api, createApi, until } from "../../../services/counterfoil/src/demo/service.ts";
import { type Environment, runCommand } from "./counterfoil.ts";

export { type Api, createApi, until };

/** An API key of these rights, as `keys create` prints it. */
export async function createKey(
  env: Environment,
  ...rights: readonly string[]
): Promise<Readonly<{ id: string; prefix: string; secret: string }>> {
  const { code, stdout, stderr } = await runCommand(["keys", "create", "--json", ...rights], env);
  if (code !== 0) throw new Error(`keys create ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

/** Who may start something over HTTP; from then on everybody else needs a key too. */
export async function createOperatorApi(address: string, env: Environment): Promise<Api> {
  const { secret } = await createKey(env, "--role", "operator");
  await until(
    "the key to be known",
    async () => (await fetch(new URL("/v1/status", address))).status,
    (status) => status === 401,
  );
  return createApi(address, secret);
}

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
