import { createHash } from "node:crypto";
import Fastify, { type FastifyInstance } from "fastify";

const PREFIX = "/docs";

/**
 * The reference page at `/docs`, from this host alone. Its program takes a second and 30 MB to load,
 * so that is done when somebody looks at it first.
 */
export function mountReference(app: FastifyInstance): void {
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
      // Nothing is fetched from, or told to, anybody else.
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

/** The page begins with a script of its own: that very text may run, and no other inline. */
function allowingScriptsOf(page: string, policy: string): string {
  const scripts = [...page.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)];
  const inline = scripts.filter(([, text = ""]) => text !== "");
  const hashes = inline.map(([, text = ""]) => {
    const hash = createHash("sha256").update(text).digest("base64");
    return ` 'sha256-${hash}'`;
  });
  return policy.replace("script-src 'self'", `script-src 'self'${hashes.join("")}`);
}
