import { keepOpen } from "@counterfoil/contracts/documents/schema-documents";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import {
  createJsonSchemaTransform,
  createJsonSchemaTransformObject,
} from "fastify-type-provider-zod";
import { TAGS } from "./route.ts";

/** The document is made from the routes' own schemas, so the two cannot differ. */
export async function describeRoutes(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Counterfoil",
        description:
          "Balances and lifecycles, folded from what the custody provider said. Amounts are exact decimals in strings, times ISO 8601 with nanoseconds kept, positions strings. Every answer from a read model carries the position that it was computed at; problems are RFC 9457 documents with a stable `code`.",
        version: "1.0.0",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: "/" }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    },
    // Other roles' routes on this port stay out: the document is the same wherever it is made.
    hideUntagged: true,
    transform: createJsonSchemaTransform({ zodToJsonConfig: OPEN }),
    transformObject: (document) => withoutInputs(componentsOf(document)),
  });
  await app.register(swaggerUi, { routePrefix: "/docs" });
}

/** Records may grow: a client that refuses a field which it does not know would break then. */
const OPEN = { override: keepOpen };

const componentsOf = createJsonSchemaTransformObject({ zodToJsonConfig: OPEN });

/** Every schema is there twice, for input and for output; records are output only. */
function withoutInputs(document: ReturnType<typeof componentsOf>) {
  const { components = {} } = document as { components?: { schemas?: Record<string, object> } };
  const schemas = Object.entries(components.schemas ?? {}).filter(
    ([name]) => !name.endsWith("Input") && name !== "__shared",
  );
  return { ...document, components: { ...components, schemas: Object.fromEntries(schemas) } };
}
