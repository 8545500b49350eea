import { followEmmett } from "./follow-emmett.ts";
import { followOurs } from "./follow-ours.ts";
import type { Appends, Followed } from "./follow-tally.ts";
import type { BenchOptions, BenchRow } from "./measure.ts";
import { inDatabase } from "./postgres-server.ts";

const NAME = "events missed or out of order, reader at the head of PostgreSQL";
const WRITERS = 16;
/** As many as in a delivery. */
const EVENTS_AT_ONCE = 4;

/** Correctness, not speed: 16 connections append at once while a reader follows the head. */
export async function benchFollowAppends({ facts }: BenchOptions): Promise<BenchRow> {
  const appends = Math.ceil(facts / WRITERS / EVENTS_AT_ONCE);
  const work: Appends = { writers: WRITERS, appends, eventsAtOnce: EVENTS_AT_ONCE };
  return inDatabase(async ({ url }) => {
    const emmett = await followEmmett(url, work);
    const ours = await followOurs(url, work);
    return {
      name: NAME,
      unit: "events",
      ours: ours.missed + ours.disordered,
      limit: emmett.missed + emmett.disordered,
      limitName: "emmett-postgresql's consumer",
      ratio: null,
      target: 0,
      isBetterBelow: true,
      note: `ours: ${summaryOf(ours)}; emmett: ${summaryOf(emmett)}`,
    };
  });
}

const summaryOf = ({ appended, missed, disordered }: Followed): string =>
  `of ${appended} appended ${missed} missed, ${disordered} out of order`;
