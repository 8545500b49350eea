import type { DataOf } from "@counterfoil/contracts/fact";
import type { DeliveryOutcome, DeliverySummary } from "@counterfoil/contracts/provenance";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { readData } from "@counterfoil/core/stream/read-event";
import { ATTENTION } from "../models/columns.ts";
import { QUARANTINED } from "../models/deliveries.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Rows } from "../ports/model-store.ts";
import type { ColumnType } from "../ports/table.ts";
import { type DeliveryQuery, partOfDelivery } from "./deliveries.ts";
import { summariesOf, summaryFor } from "./delivery-summaries.ts";
import type { Page } from "./page.ts";
import {
  type BatchSource,
  eventsOf,
  type Item,
  readStreamPage,
  type StreamRange,
} from "./stream-page.ts";

export const DELIVERY_KEY: readonly ColumnType[] = ["integer"];

/** Of each filter any of the values. */
export type DeliveryFilters = Readonly<
  Partial<
    Record<"provider" | "channel" | "payload_type" | "key_id", readonly string[]> & {
      outcome: readonly DeliveryOutcome[];
    }
  >
>;

export type DeliveriesQuery = DeliveryQuery &
  Readonly<{
    range: StreamRange;
    limit: number;
    filters: DeliveryFilters;
    /** Of the balances model, where only quarantined deliveries are asked for: it lists them. */
    rows: Rows | null;
    nextTurn: Clock["nextTurn"];
  }>;

/** Whether the list of quarantined deliveries alone answers it. */
export const isOfQuarantine = ({ outcome = [] }: DeliveryFilters): boolean =>
  outcome.length > 0 && outcome.every((each) => OF_QUARANTINE[each] !== undefined);

const OF_QUARANTINE: Readonly<Partial<Record<DeliveryOutcome, number>>> = {
  quarantined: ATTENTION.open,
  dismissed: ATTENTION.acknowledged,
};

/** Whose a delivery is takes its facts and its bytes, so few of them are looked at. */
const COST = { open: { batch: 200, events: 5000 }, ofPlatform: { batch: 20, events: 200 } };

/** Deliveries in the order of the stream or backwards. */
export function listDeliveries(
  stream: EventStream,
  query: DeliveriesQuery,
): Promise<Page<DeliverySummary>> {
  const { range, limit, filters, rows, standings, nextTurn } = query;
  const cost = standings === null ? COST.open : COST.ofPlatform;
  const isFiltered = Object.keys(filters).length > 0;
  return readStreamPage<DeliverySummary>({
    ...{ range, limit, nextTurn },
    cost: { ...cost, batch: isFiltered ? cost.batch : Math.min(limit + 1, cost.batch) },
    source:
      rows === null
        ? eventsOf(stream, ["DeliveryReceived"])
        : quarantinedIn(rows, stream, filters.outcome ?? []),
    recordsOf: async (events) => {
      const asked = events.filter((event) => isAskedFor(event, filters));
      const summaries = await summariesOf(stream, asked, query);
      const shown = new Map<number, DeliverySummary>();
      for (const [at, summary] of summaries.entries()) {
        if (!(filters.outcome?.includes(summary.outcome) ?? true)) continue;
        const whole = await partOfDelivery(stream, asked[at] as RecordedEvent, query);
        if (whole !== "outside") shown.set(Number(summary.position), summaryFor(summary, whole));
      }
      return events.map(({ position }) => shown.get(position) ?? null);
    },
  });
}

function isAskedFor(event: RecordedEvent, filters: DeliveryFilters): boolean {
  const { verdict, ...data } = readData(event) as DataOf<"DeliveryReceived">;
  const { key_id } = filters;
  const isSigned =
    key_id === undefined ||
    (verdict.evidence ?? []).some((each) => key_id.includes(String(each.key_id)));
  return (
    isSigned &&
    NAMES.every((name) => filters[name] === undefined || filters[name].includes(data[name]))
  );
}

const NAMES = ["provider", "channel", "payload_type"] as const;

/** The model lists them by the position where they were quarantined, right behind their arrival. */
function quarantinedIn(
  rows: Rows,
  stream: EventStream,
  outcomes: readonly DeliveryOutcome[],
): BatchSource {
  const either = outcomes.map((outcome) => OF_QUARANTINE[outcome] as number);
  return async ({ after, upTo, order, limit }) => {
    const isForwards = order === "asc";
    const found = await Promise.all(
      either.map((value) =>
        rows.select(QUARANTINED, {
          where: [{ column: "attention", is: "=", value }],
          orderBy: ["attention", "position"],
          descending: !isForwards,
          beyond: [value, isForwards ? after : upTo + 1],
          limit,
        }),
      ),
    );
    const inOrder = found
      .flat()
      .map((row) => ({ id: String(row.id), at: Number(row.position) }))
      .filter(({ at }) => at > after && at <= upTo)
      .sort((a, b) => (isForwards ? a.at - b.at : b.at - a.at))
      .slice(0, limit);
    const { known } = await stream.findByIds(inOrder.map(({ id }) => id));
    const items = inOrder.flatMap(({ id, at }): Item[] => {
      const event = known.get(id)?.event;
      return event === undefined ? [] : [{ event, at }];
    });
    return { items, reached: inOrder.length < limit ? null : (inOrder.at(-1)?.at ?? null) };
  };
}
