import { z } from "zod";
import { growing, position } from "./scalar.ts";

/**
 * Stable codes of all errors that people and programs see. Over HTTP each is an RFC 9457 problem
 * document whose `type` is `urn:counterfoil:problem:<code>`; the CLI and the log print the code too.
 */
export const ERROR_CODES = {
  // requests
  malformed_request: { status: 400, title: "The request is malformed" },
  invalid_query: { status: 400, title: "A query parameter is not valid" },
  invalid_cursor: { status: 400, title: "The cursor is not one that this service gave out" },
  unauthenticated: { status: 401, title: "A valid API key is needed" },
  wrong_role: { status: 403, title: "The API key may not do that" },
  foreign_origin: { status: 403, title: "A page of another origin may not do that" },
  not_found: { status: 404, title: "There is no such resource" },
  method_not_allowed: { status: 405, title: "This resource does not take that method" },
  request_timeout: { status: 408, title: "The request took too long to arrive" },
  ambiguous_id: { status: 409, title: "The id stands for several records" },
  already_closed: { status: 409, title: "It is closed already" },
  body_gone: { status: 410, title: "The body was erased" },
  payload_too_large: { status: 413, title: "The body is larger than is taken" },
  unknown_host: { status: 421, title: "The service is not known by this name" },
  unsupported_combination: { status: 422, title: "These parameters do not go together" },
  rate_limited: { status: 429, title: "The API key made too many requests" },
  headers_too_large: { status: 431, title: "The header fields are larger than are taken" },
  internal_error: { status: 500, title: "The service made an error" },
  // webhooks
  signature_missing: { status: 401, title: "No signature that can be checked" },
  signature_invalid: { status: 401, title: "A signature does not match the body" },
  timestamp_stale: { status: 401, title: "The signed timestamp is too far from now" },
  channel_not_configured: { status: 404, title: "No secret is configured for this provider" },
  // the service's own state
  not_ready: { status: 503, title: "The service does not take requests just now" },
  stream_unavailable: { status: 503, title: "The event stream cannot be used just now" },
  model_unavailable: { status: 503, title: "The read model cannot be used just now" },
  head_key_unusable: { status: 503, title: "The key that signs heads cannot be used" },
  position_timeout: { status: 503, title: "The read model did not reach the position in time" },
  position_ahead: { status: 409, title: "The stream has no such position yet" },
  overloaded: { status: 503, title: "More deliveries wait than can be taken" },
  rebuild_running: { status: 409, title: "A rebuild of this model is running" },
  // starting and operating
  configuration_invalid: { status: 500, title: "The configuration is not valid" },
  ledger_mismatch: { status: 500, title: "The stream belongs to another ledger" },
  stream_corrupted: { status: 500, title: "The stream's stored events contradict themselves" },
  stream_forked: { status: 500, title: "The stream is not the one that was followed" },
  format_too_new: { status: 503, title: "A newer version of the program has written the data" },
  topics_unavailable: { status: 503, title: "The brokers cannot be used just now" },
  topics_misconfigured: { status: 500, title: "A topic is not as the publisher needs it" },
  port_in_use: { status: 500, title: "The port is taken" },
  digest_mismatch: { status: 500, title: "The rebuilt model differs from the live one" },
  generation_missing: { status: 404, title: "There is no such generation of the model" },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Why a role does not start: what was found, what is expected, and which variable to set. */
export class StartupError extends Error {
  override readonly name = "StartupError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A page of records of one kind. */
export const listOf = <Record extends z.ZodType>(record: Record) =>
  z.object({
    data: z.array(record),
    position: position.meta({ description: "Where on the stream this was computed" }),
    next_cursor: z
      .string()
      .nullable()
      .meta({ description: "Goes on from here; null where nothing follows" }),
  });

/** A single record. */
export const oneOf = <Record extends z.ZodType>(record: Record) =>
  z.object({
    data: record,
    position: position.meta({ description: "Where on the stream this was computed" }),
  });

const codes = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];

/** RFC 9457 problem details; `code` repeats the end of `type`, so that clients can switch on it. */
export const problemDocument = z
  .object({
    type: z.string().meta({ description: "urn:counterfoil:problem:<code>" }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: growing(codes),
    errors: z
      .array(
        z.object({ parameter: z.string(), found: z.string().nullable(), expected: z.string() }),
      )
      .optional()
      .meta({ description: "invalid_query: each parameter that is not valid" }),
    candidates: z
      .array(z.string())
      .optional()
      .meta({ description: "ambiguous_id: ids of the records that it may stand for" }),
  })
  .meta({ id: "Problem" });
export type ProblemDocument = z.infer<typeof problemDocument>;

/** A resource that an identifier names, and its page in the console. */
export const searchHit = z
  .object({
    kind: growing([
      ...(["account", "participant", "account_group", "run", "movement"] as const),
      ...(["withdrawal", "deposit", "trade", "delivery", "event", "anomaly"] as const),
    ]),
    id: z.string(),
    title: z.string().meta({ description: "In words, for people" }),
    matched: growing([
      ...([
        "id",
        "id_prefix",
        "account_id",
        "participant_code",
        "account_group",
        "address",
      ] as const),
      ...(["run_id", "movement_id", "identifier", "position"] as const),
    ]).meta({
      description: "Which of its identifiers it is; `identifier`: any other of a record's",
    }),
    path: z.string().meta({ description: "Where the console shows it" }),
  })
  .meta({ id: "SearchHit" });
export type SearchHit = z.infer<typeof searchHit>;

/** What was found, of every model; there are no pages. */
export const searchAnswer = z.object({
  data: z.array(searchHit),
  position: position.meta({ description: "Where on the stream this was computed" }),
});
