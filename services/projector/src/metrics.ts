import {
  type Clock,
  SCRAPE_MS_MAX,
  shareAnswer,
  withinMs,
} from "@counterfoil/processing/ports/clock";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { type Lag, lagBehind } from "@counterfoil/processing/queries/lag";
import { Counter, Gauge, type Registry } from "prom-client";
import type { ProjectorEvent } from "./projector.ts";

type ProjectorMetricsOptions = Readonly<{
  registry: Registry;
  /** Omitted if a gateway in this process reports the lag of each model. */
  stream?: Pick<EventStream, "head" | "read">;
  clock: Clock;
}>;

/** Registers the projections' metrics. @returns a function that records an event of a projector */
export function createProjectorMetrics({
  registry,
  stream,
  clock,
}: ProjectorMetricsOptions): (event: ProjectorEvent) => void {
  const positions = new Map<string, number>();
  const states = new Map<string, string>();
  const { commits, events, stopped, state } = createInstruments(registry);
  registerPositions(registry, positions);
  if (stream !== undefined) registerLag(registry, { stream, positions, clock });
  return (event) => {
    const { model } = event;
    if (event.kind === "state") {
      const before = states.get(model);
      if (before !== undefined) state.remove({ model, state: before });
      states.set(model, event.state);
      state.set({ model, state: event.state }, 1);
      // Another process may project the model now: what this one knows of it is out of date.
      if (event.state !== "waiting_for_lock") return;
      positions.delete(model);
      stopped.remove({ model });
      return;
    }
    positions.set(model, event.position);
    stopped.set({ model }, event.stopped);
    if (event.kind === "open") return;
    commits.inc({ model }, event.commits);
    events.inc({ model }, event.events);
  };
}

function createInstruments(registry: Registry) {
  const registers = [registry];
  return {
    commits: new Counter({
      name: "counterfoil_projection_commits_total",
      help: "Commits of a projection",
      labelNames: ["model"],
      registers,
    }),
    events: new Counter({
      name: "counterfoil_projection_events_total",
      help: "Events that a projection has processed",
      labelNames: ["model"],
      registers,
    }),
    stopped: new Gauge({
      name: "counterfoil_projection_stopped_subjects",
      help: "Subjects whose facts cannot be projected until a fix",
      labelNames: ["model"],
      registers,
    }),
    state: new Gauge({
      name: "counterfoil_projection_state",
      help: "1 for the state that the projection is in",
      labelNames: ["model", "state"],
      registers,
    }),
  };
}

function registerPositions(registry: Registry, positions: ReadonlyMap<string, number>): void {
  new Gauge({
    name: "counterfoil_projection_position",
    help: "Last position that the projection has committed",
    labelNames: ["model"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [model, position] of positions) this.set({ model }, position);
    },
  });
}

type LagOptions = Readonly<{
  stream: Pick<EventStream, "head" | "read">;
  positions: ReadonlyMap<string, number>;
  clock: Clock;
}>;

/** The lag is computed once at each scrape, since it depends on the head at that time. */
function registerLag(registry: Registry, { stream, positions, clock }: LagOptions): void {
  const readLags = shareAnswer(() =>
    Promise.all(
      [...positions].map(async ([model, position]) => {
        const reading = lagBehind(stream, position, clock.now());
        return { model, lag: await withinMs(reading, SCRAPE_MS_MAX, clock) };
      }),
    ),
  );
  const register = (name: string, help: string, select: (lag: Lag) => number) =>
    new Gauge({
      ...{ name, help, labelNames: ["model"], registers: [registry] },
      async collect() {
        const lags = await readLags();
        this.reset();
        for (const { model, lag } of lags) {
          if (positions.has(model)) this.set({ model }, lag === null ? Number.NaN : select(lag));
        }
      },
    });
  register(
    "counterfoil_projection_lag_events",
    "Events of the stream that the projection has not processed",
    ({ events }) => events,
  );
  register(
    "counterfoil_model_lag_seconds",
    "How long the oldest event that the projection has not processed has waited",
    ({ seconds }) => seconds,
  );
}
