import { z } from "zod";
import { ERROR_CODES, type ErrorCode } from "./error-code.ts";
import { growing, position } from "./scalar.ts";

/** What the HTTP interface wraps the records in. */

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

/** One record. */
export const oneOf = <Record extends z.ZodType>(record: Record) =>
  z.object({
    data: record,
    position: position.meta({ description: "Where on the stream this was computed" }),
  });

const codes = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];

/** RFC 9457 problem details; `code` repeats the end of `type` for those who switch on it. */
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

/** What an identifier stands for, and where it is looked at. */
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
