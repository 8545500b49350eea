import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createHeadKeyFile } from "@counterfoil/adapters/node/keys";
import { nodeHashing, systemClock } from "@counterfoil/adapters/node/runtime";
import { documentBreaks } from "@counterfoil/contracts/compatibility/document-breaks";
import { configSchema } from "@counterfoil/contracts/config";
import { asyncApiDocument, printStable, schemaDocuments } from "@counterfoil/contracts/documents";
import { createHeads } from "@counterfoil/processing/audit/heads";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { KeyStore } from "@counterfoil/processing/ports/installation";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import { serveModels } from "@counterfoil/processing/queries/serving";
import { pino } from "pino";
import { Registry } from "prom-client";
import { createGateway } from "../gateway.ts";

type Json = Readonly<Record<string, unknown>>;

/** Everything that is published, by path within `packages/contracts/generated`. */
export async function generatedDocuments(): Promise<ReadonlyMap<string, Json>> {
  return new Map([
    ["openapi.json", await openApiDocument()],
    ["asyncapi.json", asyncApiDocument()],
    ...schemaDocuments(),
  ]);
}

/** What a gateway over an empty ledger answers at /openapi.json. */
async function openApiDocument(): Promise<Json> {
  const stream = unasked<EventStream>();
  const catalogue = unasked<ModelCatalogue>();
  const clock = systemClock;
  const gateway = await createGateway({
    config: configSchema.parse({}),
    stream,
    catalogue,
    engine: "memory",
    models: serveModels({ catalogue, stream, clock }),
    clock,
    logger: pino({ level: "silent" }),
    registry: new Registry(),
    keys: unasked<KeyStore>(),
    acting: { acknowledge: NOBODY_ACTS, dismiss: NOBODY_ACTS, retry: NOBODY_ACTS },
    heads: createHeads({
      ledger: "default",
      stream,
      catalogue,
      clock,
      hashing: nodeHashing,
      locks: { acquire: async () => null },
      signer: createHeadKeyFile("head.key"),
    }),
    rebuilds: {
      start: NOBODY_ACTS,
      rollBack: NOBODY_ACTS,
      generations: NOBODY_ACTS,
      progress: () => null,
    },
  });
  const answer = await gateway.app.inject({ url: "/openapi.json" });
  await gateway.stop();
  return answer.json();
}

/** What a ledger lies in: nothing is asked of it, the document alone is. */
function unasked<Port extends object>(): Port {
  return new Proxy({} as Port, { get: () => () => Promise.reject(new Error("nobody asks")) });
}

const NOBODY_ACTS = () => Promise.reject(new Error("nobody acts"));

const CONTRACTS = join(import.meta.dirname, "../../../../packages/contracts");

/** What the present program says. */
export const GENERATED = join(CONTRACTS, "generated");
/** What version 1 promised, in one file: it grows, and nothing of it is taken back. */
const PROMISED = join(CONTRACTS, "promised-v1.json");

/** The shapes of the promised documents, by path. */
export function readPromised() {
  const promised: Readonly<Record<string, Json>> = JSON.parse(readFileSync(PROMISED, "utf8"));
  return new Map(Object.entries(promised));
}

/** One document a line, so that a comparison of two versions names what grew. */
function writePromised(documents: ReadonlyMap<string, Json>): string {
  const lines = [...documents].map(
    ([path, document]) => `${JSON.stringify(path)}:${JSON.stringify(document, withoutProse)}`,
  );
  writeFileSync(PROMISED, `{\n${lines.join(",\n")}\n}\n`);
  return PROMISED;
}

const PROSE: ReadonlySet<string> = new Set(["title", "summary", "description"]);

/** A property may have such a name too; it is no text then. */
function withoutProse(key: string, value: unknown): unknown {
  const isProse = PROSE.has(key) && typeof value === "string";
  return isProse || (key === "examples" && Array.isArray(value)) ? undefined : value;
}

export function printed(documents: ReadonlyMap<string, unknown>): ReadonlyMap<string, string> {
  return new Map([...documents].map(([path, document]) => [path, printStable(document)]));
}

/** Makes the folder hold these files and no others. */
function writeFolder(folder: string, files: ReadonlyMap<string, string>): void {
  rmSync(folder, { recursive: true, force: true });
  for (const [path, text] of files) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

/**
 * `pnpm contracts` writes what is generated from the schemas. `pnpm contracts --promise`, at a
 * release, also makes the promised documents say everything that these say; it refuses to take
 * anything back.
 */
async function writeContracts(): Promise<void> {
  const documents = await generatedDocuments();
  const files = printed(documents);
  writeFolder(GENERATED, files);
  console.log(`${files.size} documents written to ${GENERATED}`);

  if (process.argv.includes("--promise")) {
    const breaks = documentBreaks(readPromised(), documents);
    for (const line of breaks) console.error(line);
    if (breaks.length === 0) {
      console.log(`promised from now on, in ${writePromised(documents)}`);
    } else {
      console.error(`${breaks.length} breaks of what was promised: nothing was promised anew`);
      process.exitCode = 1;
    }
  }
}

if (import.meta.main) await writeContracts();
