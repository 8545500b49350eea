import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { keepOpen } from "@counterfoil/contracts/documents";
import swagger from "@fastify/swagger";
import Fastify, { type FastifyInstance } from "fastify";
import {
  createJsonSchemaTransform,
  createJsonSchemaTransformObject,
} from "fastify-type-provider-zod";
import { KEY_SCHEME, TAGS } from "./route.ts";

/** Adds the OpenAPI document, generated from the routes' schemas, and the reference page. */
export async function describeRoutes(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Counterfoil",
        description:
          "Balances and lifecycles, projected from what the custody providers reported. Amounts are exact decimals in strings, times are ISO 8601 with nanoseconds, positions are strings. Every answer from a read model carries the position that it was computed at; problems are RFC 9457 documents with a stable `code`.",
        version: "1.0.0",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: "/" }],
      components: {
        securitySchemes: {
          [KEY_SCHEME]: {
            type: "http",
            scheme: "bearer",
            description:
              "An API key, which `counterfoil keys create` shows once. As long as no key was ever created, readers on loopback need none. A key with a platform sees only that platform's data.",
          },
        },
      },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    },
    // Routes of other roles on this port are omitted, so that the document is the same everywhere.
    hideUntagged: true,
    transform: createJsonSchemaTransform({ zodToJsonConfig: OPEN }),
    transformObject: (document) => withExamples(withoutUnused(componentsOf(document))),
  });
  mountReference(app);
}

/** Schemas allow unknown fields: records may get new ones without breaking clients. */
const OPEN = { override: keepOpen };

const componentsOf = createJsonSchemaTransformObject({ zodToJsonConfig: OPEN });

/**
 * Removes the input variant of each schema, since records are output only, and the schemas that no
 * route refers to, such as those of topics.
 */
function withoutUnused(document: ReturnType<typeof componentsOf>) {
  const { components = {}, ...rest } = document as { components?: Components };
  const outputs = Object.entries(components.schemas ?? {}).filter(
    ([name]) => !name.endsWith("Input") && name !== "__shared",
  );
  const text = JSON.stringify([rest, outputs]);
  const schemas = outputs.filter(([name]) => text.includes(`"#/components/schemas/${name}"`));
  return { ...document, components: { ...components, schemas: Object.fromEntries(schemas) } };
}

type Components = Readonly<{ schemas?: Readonly<Record<string, object>> }>;

/** Written by `pnpm examples`: an answer of a real ledger for each operation. */
export const EXAMPLES_FILE = new URL("./examples.json", import.meta.url);

type Document = Readonly<{ paths?: Readonly<Record<string, Readonly<Record<string, unknown>>>> }>;

/** Adds an example to each answer that has one. */
function withExamples<Given extends object>(document: Given): Given {
  const examples: Readonly<Record<string, unknown>> = JSON.parse(
    readFileSync(EXAMPLES_FILE, "utf8"),
  );
  for (const methods of Object.values((document as Document).paths ?? {})) {
    for (const operation of Object.values(methods)) {
      const { operationId = "" } = operation as Operation;
      const media = successMediaOf(operation as Operation);
      const example = examples[operationId];
      if (media !== undefined && example !== undefined) media.example = example;
    }
  }
  return document;
}

/** The media of an operation's successful answer; undefined for bytes, which have no example. */
export function successMediaOf({ responses = {} }: Operation): Media | undefined {
  const [, answer] = Object.entries(responses).find(([status]) => status.startsWith("2")) ?? [];
  return answer?.content?.["application/json"] ?? answer?.content?.["text/event-stream"];
}

export type Operation = Readonly<{
  operationId?: string;
  responses?: Readonly<Record<string, Readonly<{ content?: Readonly<Record<string, Media>> }>>>;
}>;
type Media = { readonly schema?: object; example?: unknown };

const PREFIX = "/docs";

/**
 * The reference page at `/docs`, which loads nothing from other hosts. Its module takes a second and
 * 30 MB to load, so it is loaded at the first request.
 */
function mountReference(app: FastifyInstance): void {
  let opened: Promise<FastifyInstance> | null = null;
  app.addHook("onClose", async () => void (await opened)?.close());
  for (const url of [PREFIX, `${PREFIX}/*`]) {
    app.get(url, { schema: { hide: true } }, async (request, reply) => {
      opened ??= openReference();
      const answer = await (await opened).inject({ url: request.url });
      if (answer.statusCode === 404) return reply.callNotFound();
      const { "content-type": type = "text/plain", location } = answer.headers;
      if (location !== undefined) reply.header("location", location);
      if (String(type).startsWith("text/html")) {
        const policy = String(reply.getHeader(POLICY) ?? "");
        reply.header(POLICY, allowingScriptsOf(answer.body, policy));
      }
      return reply.code(answer.statusCode).type(String(type)).send(answer.rawPayload);
    });
  }
}

const POLICY = "content-security-policy";

async function openReference(): Promise<FastifyInstance> {
  const { default: reference } = await import("@scalar/fastify-api-reference");
  const app = Fastify();
  await app.register(reference, {
    routePrefix: PREFIX,
    configuration: {
      url: "/openapi.json",
      pageTitle: "Counterfoil API",
      // Nothing is fetched from or sent to other hosts.
      withDefaultFonts: false,
      telemetry: false,
      hideClientButton: true,
      showDeveloperTools: "never",
      agent: { disabled: true },
      mcp: { disabled: true },
    },
  });
  await app.ready();
  return app;
}

/** Allows the inline scripts of the page by their hashes, and no others. */
function allowingScriptsOf(page: string, policy: string): string {
  const scripts = [...page.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)];
  const inline = scripts.filter(([, text = ""]) => text !== "");
  const hashes = inline.map(([, text = ""]) => {
    const hash = createHash("sha256").update(text).digest("base64");
    return ` 'sha256-${hash}'`;
  });
  return policy.replace("script-src 'self'", `script-src 'self'${hashes.join("")}`);
}
