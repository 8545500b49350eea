import type { Clock } from "@counterfoil/processing/ports/clock";
import { SCRAPE_MS_MAX, withinMs } from "@counterfoil/processing/ports/clock";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { type Lag, lagBehind } from "@counterfoil/processing/queries/lag";
import { Counter, Gauge, type Registry } from "prom-client";
import type { ProjectorEvent } from "./projector.ts";

export type ProjectorMetricsOptions = Readonly<{
  registry: Registry;
  /** Given where no gateway in this process reports how far behind a model is. */
  stream?: Pick<EventStream, "head" | "read">;
  clock: Clock;
}>;

/** Registers the projections' metrics. @returns a function that counts a projector's events */
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
      return;
    }
    positions.set(model, event.position);
    commits.inc({ model }, event.commits);
    events.inc({ model }, event.events);
    stopped.set({ model }, event.stopped);
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
      help: "Events that a projection went past",
      labelNames: ["model"],
      registers,
    }),
    stopped: new Gauge({
      name: "counterfoil_projection_stopped_subjects",
      help: "Subjects whose facts could not be folded and wait for a fix",
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
      for (const [model, position] of positions) this.set({ model }, position);
    },
  });
}

type Followed = Readonly<{
  stream: Pick<EventStream, "head" | "read">;
  positions: ReadonlyMap<string, number>;
  clock: Clock;
}>;

/** Computed at each scrape, since it depends on the head at that time. */
function registerLag(registry: Registry, { stream, positions, clock }: Followed): void {
  const register = (name: string, help: string, figureOf: (lag: Lag) => number) =>
    new Gauge({
      ...{ name, help, labelNames: ["model"], registers: [registry] },
      async collect() {
        for (const [model, at] of positions) {
          const lag = await withinMs(lagBehind(stream, at, clock.now()), SCRAPE_MS_MAX, clock);
          this.set({ model }, lag === null ? Number.NaN : figureOf(lag));
        }
      },
    });
  register(
    "counterfoil_projection_lag_events",
    "Events of the stream that the projection has not folded",
    ({ events }) => events,
  );
  register(
    "counterfoil_model_lag_seconds",
    "How long the oldest event has waited that the projection has not folded",
    ({ seconds }) => seconds,
  );
}
