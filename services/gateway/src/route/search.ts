import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { searchHit } from "@counterfoil/contracts/http";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { createStandings } from "@counterfoil/processing/queries/event-standing";
import { search } from "@counterfoil/processing/queries/search";
import { z } from "zod";
import { parameters, required } from "../parameter.ts";
import { type Sources, stuckNow } from "../reading.ts";
import { type Route, route } from "../route.ts";

const query = parameters({
  q: required("An identifier, whole; of an account its beginning is enough"),
});

const found = z.object({ data: z.array(searchHit) });

export function searchRoutes(sources: Sources): readonly Route[] {
  const { models } = sources;
  return [
    route({
      operation: "search",
      url: "/v1/search",
      tag: "balances",
      summary: "What an identifier stands for",
      description:
        "Accounts (ours and the provider's ids), participants, groups, addresses, runs, movements, withdrawals, deposits and trades by any of their identifiers, deliveries, events, anomalies. Matches are exact; addresses and our own ids in any case. At most five of a kind; an empty list where nothing is called so.",
      query,
      answer: found,
      problems: ["model_unavailable", "stream_unavailable"],
      handle: async ({ query: { q }, caller: { platform } }) => {
        const data = await search(sources, {
          text: q.trim(),
          platform,
          rule: stuckNow(sources),
          standings: platform === null ? null : createStandings(models, platform),
          translations: TRANSLATIONS,
          hashing: nodeHashing,
        });
        return { data: [...data] };
      },
    }),
  ];
}
