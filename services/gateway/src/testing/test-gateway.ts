import { devNull } from "node:os";
import { join } from "node:path";
import { createHeadKeyFile, newKeySecret } from "@counterfoil/adapters/node/keys";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { configSchema } from "@counterfoil/contracts/config";
import type { RebuildProgress } from "@counterfoil/contracts/operations-record";
import type { KeyRequest } from "@counterfoil/core/access/api-key";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import type { Listener } from "@counterfoil/http/listener";
import { createKey } from "@counterfoil/processing/access/keys";
import { createHeads, type Heads } from "@counterfoil/processing/audit/heads";
import type { Rebuilds } from "@counterfoil/processing/generations/rebuild";
import {
  acknowledgeAnomaly,
  dismissQuarantined,
  retryForOperator,
} from "@counterfoil/processing/operator";
import { stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import { type ServedModels, serveModels } from "@counterfoil/processing/queries/serving";
import { createMemoryKeyStore } from "@counterfoil/processing/testing/memory-key-store";
import { createMemoryRoleLocks } from "@counterfoil/processing/testing/memory-role-locks";
import type { InjectOptions } from "fastify";
import { pino } from "pino";
import { Registry } from "prom-client";

import { createGateway, type GatewayDeps } from "../gateway.ts";
import type { TestLedger } from "./test-ledger.ts";

export type TestGateway = Listener &
  Readonly<{
    models: ServedModels;
    registry: Registry;
    get: (url: string) => Promise<Answer>;
    send: (
      method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "OPTIONS",
      url: string,
      also?: Pick<InjectOptions, "headers" | "remoteAddress" | "payload">,
    ) => Promise<Answer>;
    /** Creates a key; from then on requests need one. @returns the headers with the key */
    newKey: (request?: Partial<KeyRequest>) => Promise<KeyHeaders>;
  }>;

export type KeyHeaders = Readonly<{ keyId: string; headers: Readonly<Record<string, string>> }>;

// biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
export type Answer = Readonly<{ status: number; body: any; headers: Headers; raw: Buffer }>;
type Headers = Readonly<Record<string, unknown>>;

const noRebuild = async () => {
  throw new Error("no rebuilds in this test");
};

export const NO_REBUILDS: Rebuilds = {
  start: noRebuild,
  rollBack: noRebuild,
  generations: async () => [],
  progress: (): RebuildProgress | null => null,
};

type Stored = Pick<TestLedger, "stream" | "catalogue" | "clock">;

/** A path where no key can be created: tests of heads give their own file. */
export const NO_KEY_FILE = join(devNull, "head.key");

/** Heads of a test ledger, signed by a key in the test's folder. */
export function testHeads(stored: Stored, keyFile: string): Heads {
  const signer = createHeadKeyFile(keyFile);
  const locks = createMemoryRoleLocks();
  return createHeads({ ...stored, ledger: "default", hashing: nodeHashing, locks, signer });
}

/** A gateway over a test ledger, called without a socket. */
export async function createTestGateway(
  { stream, catalogue, clock }: Stored,
  deps: Partial<GatewayDeps> = {},
): Promise<TestGateway> {
  const registry = new Registry();
  const { keys = createMemoryKeyStore() } = deps;
  const models = deps.models ?? serveModels({ catalogue, stream, clock });
  const gateway = await createGateway({
    config: configOf(),
    stream,
    catalogue,
    clock,
    registry,
    rebuilds: NO_REBUILDS,
    keys,
    heads: testHeads({ stream, catalogue, clock }, NO_KEY_FILE),
    logger: pino({ level: "silent" }),
    engine: "memory",
    operatorActions: {
      acknowledge: (word, platform) => {
        const rule = stuckRule(clock.now(), configOf().COUNTERFOIL_STUCK_AFTER);
        const operating = { stream, clock, hashing: nodeHashing, models, rule, platform };
        return acknowledgeAnomaly(operating, word);
      },
      retry: (word) => {
        const retrying = { stream, clock, hashing: nodeHashing, translations: TRANSLATIONS };
        return retryForOperator(retrying, word);
      },
      dismiss: (word) => {
        const dismissing = { stream, clock, hashing: nodeHashing, translations: TRANSLATIONS };
        return dismissQuarantined(dismissing, word);
      },
    },
    ...deps,
    models,
  });
  const send: TestGateway["send"] = async (method, url, also = {}) => {
    const answer = await gateway.app.inject({ method, url, ...also });
    const isJson = /json/.test(String(answer.headers["content-type"]));
    const body = isJson && answer.body !== "" ? JSON.parse(answer.body) : answer.body;
    return { status: answer.statusCode, body, headers: answer.headers, raw: answer.rawPayload };
  };
  return {
    ...gateway,
    models,
    registry,
    send,
    get: (url) => send("GET", url),
    newKey: async (asked = {}) => {
      const request = { role: "reader", platform: null, name: null, expiresAt: null, ...asked };
      const secret = newKeySecret();
      const keeping = { stream, keys, clock, hashing: nodeHashing };
      await createKey(keeping, { request: request as KeyRequest, secret, actor: "a test" });
      // A gateway caches keys for a second.
      await clock.advance(1000);
      return { keyId: secret.id, headers: { authorization: `Bearer ${secret.secret}` } };
    },
  };
}

export function configOf(environment: Readonly<Record<string, string>> = {}) {
  return configSchema.parse({ COUNTERFOIL_HTTP_PORT: "0", ...environment });
}
