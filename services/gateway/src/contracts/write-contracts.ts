import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createHeadKeyFile } from "@counterfoil/adapters/node/keys";
import { nodeHashing, systemClock } from "@counterfoil/adapters/node/runtime";
import { documentBreaks } from "@counterfoil/contracts/compatibility/document-breaks";
import { configSchema } from "@counterfoil/contracts/config";
import { asyncApiDocument, printStable, schemaDocuments } from "@counterfoil/contracts/documents";
import { counted } from "@counterfoil/core/exact/text";
import { createHeads } from "@counterfoil/processing/audit/heads";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { KeyStore } from "@counterfoil/processing/ports/key-store";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import { serveModels } from "@counterfoil/processing/queries/serving";
import { pino } from "pino";
import { Registry } from "prom-client";
import { createGateway } from "../gateway.ts";

type Json = Readonly<Record<string, unknown>>;

/** All published documents, by path within `packages/contracts/generated`. */
export async function generatedDocuments(): Promise<ReadonlyMap<string, Json>> {
  return new Map([
    ["openapi.json", await openApiDocument()],
    ["asyncapi.json", asyncApiDocument()],
    ...schemaDocuments(),
  ]);
}

/** The answer of a gateway at /openapi.json. */
async function openApiDocument(): Promise<Json> {
  const stream = unusedPort<EventStream>();
  const catalogue = unusedPort<ModelCatalogue>();
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
    keys: unusedPort<KeyStore>(),
    operatorActions: { acknowledge: unusedAction, dismiss: unusedAction, retry: unusedAction },
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
      start: unusedAction,
      rollBack: unusedAction,
      generations: unusedAction,
      progress: () => null,
    },
  });
  const answer = await gateway.app.inject({ url: "/openapi.json" });
  await gateway.stop();
  return answer.json();
}

/** A port that is never called, since only the document is requested. */
function unusedPort<Port extends object>(): Port {
  return new Proxy({} as Port, { get: () => () => Promise.reject(new Error("unused port")) });
}

const unusedAction = () => Promise.reject(new Error("unused action"));

const CONTRACTS = join(import.meta.dirname, "../../../../packages/contracts");

/** The documents of the current program. */
export const GENERATED = join(CONTRACTS, "generated");
/** The documents that version 1 promised, in one file: additions only, nothing is removed. */
const PROMISED = join(CONTRACTS, "promised-v1.json");

/** The promised documents, by path. */
export function readPromised() {
  const promised: Readonly<Record<string, Json>> = JSON.parse(readFileSync(PROMISED, "utf8"));
  return new Map(Object.entries(promised));
}

/** Writes one document per line, so that a diff shows which documents changed. */
function writePromised(documents: ReadonlyMap<string, Json>): string {
  const lines = [...documents].map(
    ([path, document]) => `${JSON.stringify(path)}:${JSON.stringify(document, withoutProse)}`,
  );
  writeFileSync(PROMISED, `{\n${lines.join(",\n")}\n}\n`);
  return PROMISED;
}

const PROSE: ReadonlySet<string> = new Set(["title", "summary", "description"]);

/** A JSON replacer that removes prose. A property may have such a name too; its value is no string. */
function withoutProse(key: string, value: unknown): unknown {
  const isProse = PROSE.has(key) && typeof value === "string";
  return isProse || (key === "examples" && Array.isArray(value)) ? undefined : value;
}

export function printed(documents: ReadonlyMap<string, unknown>): ReadonlyMap<string, string> {
  return new Map([...documents].map(([path, document]) => [path, printStable(document)]));
}

/** Replaces the content of a folder by these files. */
function writeFolder(folder: string, files: ReadonlyMap<string, string>): void {
  rmSync(folder, { recursive: true, force: true });
  for (const [path, text] of files) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

/**
 * `pnpm contracts` writes the documents that are generated from the schemas. `pnpm contracts
 * --promise`, at a release, also makes them the promised ones; it refuses breaking changes.
 */
async function writeContracts(): Promise<void> {
  const documents = await generatedDocuments();
  const files = printed(documents);
  writeFolder(GENERATED, files);
  console.log(`${counted(files.size, "document")} written to ${GENERATED}`);

  if (process.argv.includes("--promise")) {
    const breaks = documentBreaks(readPromised(), documents);
    for (const line of breaks) console.error(line);
    if (breaks.length === 0) {
      console.log(`promised from now on, in ${writePromised(documents)}`);
    } else {
      console.error(
        `${counted(breaks.length, "break")} of what was promised: nothing was promised anew`,
      );
      process.exitCode = 1;
    }
  }
}

if (import.meta.main) await writeContracts();
