import type { ModelName } from "@counterfoil/contracts/fact";
import type { RebuildProgress, StatusRecord } from "@counterfoil/contracts/record";
import { print } from "../output/print.ts";
import { createProgress } from "../output/progress.ts";
import { renderTable } from "../output/table.ts";
import { type Api, until } from "./api.ts";
import { MODELS } from "./ids.ts";
import { green, printHeading, red } from "./style.ts";

type Digests = Readonly<{ digest: string; state_digest: string }>;

/** A model's digests in the generation that was live, and in the one that was built anew. */
export type RebuiltModel = Readonly<{ model: ModelName; live: Digests; rebuilt: Digests }>;

/** Builds every model anew over HTTP, side by side, and waits until the new ones are served. */
export async function rebuildAll(api: Api, before: StatusRecord): Promise<readonly RebuiltModel[]> {
  printHeading("Throwing the read models away, and building them again from the stream");
  for (const model of MODELS) await api.post(rebuildPath(model));
  for (const model of MODELS) await showRebuild(api, model);
  const generationOf = (status: StatusRecord, model: ModelName) =>
    status.projections.find(({ name }) => name === model)?.generation ?? 0;
  const after = await until(
    "the new generations to be served",
    () => api.get<StatusRecord>("/v1/status"),
    (status) => MODELS.every((it) => generationOf(status, it) > generationOf(before, it)),
  );
  return MODELS.map((model) => ({
    model,
    live: digestsOf(before, model),
    rebuilt: digestsOf(after, model),
  }));
}

const rebuildPath = (model: ModelName) => `/v1/projections/${model}/rebuild`;

async function showRebuild(api: Api, model: ModelName): Promise<void> {
  const progress = createProgress(model, process.stdout);
  const { state, detail } = await until(
    `the rebuild of ${model}`,
    async () => {
      const rebuild = await api.get<RebuildProgress>(rebuildPath(model));
      progress.update(Number(rebuild.position), Number(rebuild.target));
      return rebuild;
    },
    ({ finished_at }) => finished_at !== null,
  );
  progress.stop();
  if (state !== "activated") throw new Error(`the rebuild of ${model} ended ${state}: ${detail}`);
}

function digestsOf({ projections }: StatusRecord, model: ModelName): Digests {
  const { digest = "", state_digest = "" } = projections.find(({ name }) => name === model) ?? {};
  return { digest, state_digest };
}

const SHOWN_DIGITS = 32;

export function showDigests(models: readonly RebuiltModel[]): void {
  print("");
  const columns = [
    { title: "model" },
    { title: "digest of" },
    { title: "live" },
    { title: "rebuilt" },
    { title: "" },
  ] as const;
  const rowOf = ({ model, live, rebuilt }: RebuiltModel, name: keyof Digests) => [
    model,
    name === "digest" ? "all rows" : "the state",
    live[name].slice(0, SHOWN_DIGITS),
    rebuilt[name].slice(0, SHOWN_DIGITS),
    live[name] === rebuilt[name] ? green("equal") : red("different"),
  ];
  const rows = models.flatMap((model) => [rowOf(model, "digest"), rowOf(model, "state_digest")]);
  print(renderTable(columns, rows));
}
