import { oneOf } from "@counterfoil/contracts/http";
import { runRecord } from "@counterfoil/contracts/record";
import { findRun } from "@counterfoil/processing/queries/runs";
import { z } from "zod";
import type { Sources } from "../deps.ts";
import { oneBody } from "../paging.ts";
import { minPosition, parameters } from "../parameter.ts";
import { oneFound, readModel } from "../reading.ts";
import { type Route, route } from "../route.ts";

const params = z.object({
  run_id: z.string().meta({ description: "The run's id, or <provider>:<run id>" }),
});

export function runRoutes(sources: Sources): readonly Route[] {
  return [
    route({
      url: "/v1/runs/:run_id",
      tag: "balances",
      summary: "A run with its movements on all accounts",
      description:
        "Shown are 10,000 accounts at most, 1,000 movements of one and 10,000 of all of them: `movement_count` says how many an account has.",
      query: parameters({ min_position: minPosition }),
      params,
      answer: oneOf(runRecord),
      problems: [
        "not_found",
        "ambiguous_id",
        "model_unavailable",
        "stream_unavailable",
        "position_timeout",
      ],
      handle: ({ query: { min_position }, params: { run_id }, gone }) => {
        const reading = { model: "balances", minPosition: min_position, gone } as const;
        return readModel(sources, reading, async (rows, { position }) =>
          oneBody(
            oneFound(await findRun(rows, run_id, sources.clock.nextTurn), "run", run_id),
            position,
          ),
        );
      },
    }),
  ];
}
