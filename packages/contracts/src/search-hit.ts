import { z } from "zod";
import { growing } from "./scalar.ts";

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
