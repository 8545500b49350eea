import {
  isTraceparent,
  NO_TRACING,
  type Span,
  type Tracing,
} from "@counterfoil/processing/ports/tracing";
import type { FastifyInstance, FastifyRequest } from "fastify";

declare module "fastify" {
  interface FastifyRequest {
    span: Span | undefined;
  }
}

/**
 * Makes each request of an application a span, of the trace that its sender names or of a new one.
 *
 * @returns what a delivery of a request is to name as its parent; without tracing, what the sender says
 */
export function traceRequests(
  app: FastifyInstance,
  tracing: Tracing = NO_TRACING,
): (request: FastifyRequest) => Readonly<{ traceparent?: string }> {
  app.decorateRequest("span");
  app.addHook("onRequest", (request, _reply, done) => {
    if (tracing.isOn) request.span = startSpan(request, tracing);
    done();
  });
  app.addHook("onResponse", (request, { statusCode }, done) => {
    request.span?.end({ "http.response.status_code": statusCode });
    done();
  });
  return (request) => {
    const traceparent = request.span?.traceparent ?? senderOf(request);
    return traceparent === undefined ? {} : { traceparent };
  };
}

function startSpan(request: FastifyRequest, tracing: Tracing): Span {
  const { method, routeOptions, id } = request;
  const route = routeOptions.url ?? "none";
  const attributes = {
    "http.request.method": method,
    "http.route": route,
    "counterfoil.request_id": id,
  };
  return tracing.start(`${method} ${route}`, {
    kind: "server",
    parent: senderOf(request),
    attributes,
  });
}

function senderOf({ headers: { traceparent } }: FastifyRequest): string | undefined {
  return isTraceparent(traceparent) ? traceparent : undefined;
}
