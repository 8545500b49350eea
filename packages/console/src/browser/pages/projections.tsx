import type { components, ParametersOf } from "@counterfoil/client";
import { useEffect, useState } from "preact/hooks";
import { ConfirmButton } from "../components/actions.tsx";
import { Badge } from "../components/badge.tsx";
import { Table } from "../components/list.tsx";
import { Facts, Id, Panel } from "../components/panel.tsx";
import { durationText, Time } from "../components/time.tsx";
import { type Status, status } from "../live.ts";
import { Loaded, Loading, type Resource, useResource } from "../resource.tsx";
import { useTitle } from "../router.ts";
import { api } from "../session.ts";

type Projection = components["schemas"]["Projection"];

/** While something is being built; otherwise as often as anything is asked. */
const LOOK_EVERY_MS = 500;
const IDLE_EVERY_MS = 5_000;

/** The read models: how far each is, and how it is built anew. */
export function ProjectionsPage() {
  useTitle("Projections");
  const [round, setRound] = useState(0);
  const asked = useResource("projections", (client, signal) =>
    client.listProjections({}, { signal }).then(({ data }) => data),
  );
  useAgain(asked, round);
  const now = status.value;
  const look = () => setRound(round + 1);
  return (
    <>
      <div class="heading">
        <h1>Projections</h1>
        <p class="lead">
          Each model is a fold of the stream, and can be built from it again at any time: beside the
          live one, which goes on being read.
        </p>
      </div>
      <Loaded resource={asked} lines={8}>
        {(projections) =>
          now === null ? (
            <Panel title="Models">
              <Loading lines={6} />
            </Panel>
          ) : (
            <div class="panels">
              {now.projections.map((one) => (
                <ProjectionPanel
                  key={one.name}
                  status={one}
                  head={now.head}
                  projection={projections.find(({ name }) => name === one.name)}
                  onChange={look}
                />
              ))}
            </div>
          )
        }
      </Loaded>
    </>
  );
}

/** Asks again after a while, sooner where something is under way, and at once after `round` changed. */
function useAgain(asked: Resource<readonly Projection[]>, round: number): void {
  const again = asked.state === "loading" ? () => {} : asked.again;
  const isBuilding =
    asked.state === "loaded" && asked.data.some(({ rebuild }) => rebuild?.finished_at === null);
  useEffect(() => {
    if (round > 0) again();
  }, [round]);
  useEffect(() => {
    const timer = setTimeout(again, isBuilding ? LOOK_EVERY_MS : IDLE_EVERY_MS);
    return () => clearTimeout(timer);
  });
}

type ProjectionStatus = Status["projections"][number];
type Generation = components["schemas"]["Generation"];
type Progress = components["schemas"]["RebuildProgress"];

type ProjectionProps = Readonly<{
  status: ProjectionStatus;
  head: string;
  projection: Projection | undefined;
  /** Something was begun: it is worth another look. */
  onChange: () => void;
}>;

/** One model: state, lag, generations, and the rebuild that was last started here. */
function ProjectionPanel({ status, head, projection, onChange }: ProjectionProps) {
  const { name, state, position, lag, lag_seconds, stopped_keys } = status;
  const { generations = [], rebuild = null } = projection ?? {};
  const rate = useRate(position);
  const isRunning = rebuild !== null && rebuild.finished_at === null;
  // One that this page does not know is none that it shows.
  const named = name as ParametersOf<"startRebuild">["name"];
  const begin = async () => {
    await api.value.startRebuild({ name: named });
    onChange();
  };
  const goBack = async (generation: number) => {
    await api.value.rollBackProjection({ name: named, body: { generation } });
    onChange();
  };
  return (
    <Panel title={name} aside={<Badge word={state} />}>
      <Facts
        of={[
          ["position", `${position} of ${head}`],
          ["lag", lag === 0 ? "none" : `${lag} events, ${durationText(lag_seconds)}`],
          ["events a second", rate === null ? "–" : String(rate)],
          ["generation", `${status.generation}, model version ${status.model_version}`],
          ["stopped subjects", stopped_keys === 0 ? "none" : <b class="bad">{stopped_keys}</b>],
          ["digest", <Id key="d">{status.digest}</Id>],
          ["state digest", <Id key="s">{status.state_digest}</Id>],
        ]}
      />
      {rebuild !== null && <Built progress={rebuild} />}
      {!isRunning && (
        <ConfirmButton
          action="Rebuild"
          question={`Build ${name} from the stream again? The live generation is read until the new one is done and its digests are the same.`}
          act={begin}
        />
      )}
      <Generations model={name} generations={generations} goBack={isRunning ? null : goBack} />
    </Panel>
  );
}

/** How fast a position moves, over what was seen since the page is open; null before it moves. */
function useRate(position: string): number | null {
  const [seen, setSeen] = useState<readonly Readonly<{ at: number; position: number }>[]>([]);
  useEffect(() => {
    const look = { at: performance.now(), position: Number(position) };
    setSeen((before) => [...before, look].slice(-10));
  }, [position]);
  const [first, last] = [seen[0], seen.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const seconds = (performance.now() - first.at) / 1000;
  return Math.round((last.position - first.position) / seconds);
}

function Built({ progress }: Readonly<{ progress: Progress }>) {
  const { state, generation, position, target, events_per_second, finished_at, detail } = progress;
  return (
    <div class="progress" role="status">
      <p>
        Generation {generation} <Badge word={state} /> {position} of {target} events
        {finished_at === null ? (
          `, ${events_per_second} a second`
        ) : (
          <>
            , ended <Time at={finished_at} />
          </>
        )}
      </p>
      {finished_at === null && (
        <progress
          max={Number(target)}
          value={Number(position)}
          aria-label={`Rebuild, generation ${generation}`}
        />
      )}
      {detail !== null && <pre class="body">{detail}</pre>}
    </div>
  );
}

type GenerationsProps = Readonly<{
  model: string;
  generations: readonly Generation[];
  /** null while something is being built. */
  goBack: ((generation: number) => Promise<void>) | null;
}>;

/** Those that are kept; equal digests at one position are equal models. */
function Generations({ model, generations, goBack }: GenerationsProps) {
  return (
    <Table
      label={`Generations of ${model}`}
      rows={generations.toReversed()}
      keyOf={({ generation }) => String(generation)}
      columns={[
        { title: "generation", kind: "number", cell: ({ generation }) => generation },
        { title: "version", kind: "number", cell: (row) => row.model_version },
        { title: "position", kind: "number", cell: ({ position }) => position },
        {
          title: "digest",
          minor: true,
          cell: ({ digest }) => <code title={digest}>{digest.slice(0, 8)}…</code>,
        },
        {
          title: "state",
          cell: ({ generation, is_live }) =>
            is_live ? (
              <Badge word="live" />
            ) : (
              goBack !== null && (
                <ConfirmButton
                  action="Roll back"
                  question={`Make generation ${generation} of ${model} the live one again? It is caught up first.`}
                  act={() => goBack(generation)}
                />
              )
            ),
        },
      ]}
    />
  );
}
