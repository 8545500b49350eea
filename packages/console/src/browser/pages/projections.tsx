import type { components, ParametersOf } from "@counterfoil/client";
import { useEffect, useState } from "preact/hooks";
import { ConfirmButton } from "../components/actions.tsx";
import { Facts, Heading, Id, Panel, Table } from "../components/panel.tsx";
import { Badge, Time } from "../components/values.tsx";
import type { Status } from "../lag.ts";
import { status } from "../live.ts";
import { Loaded, Loading, useResource } from "../resource.tsx";
import { api } from "../session.ts";
import { countOf, durationText } from "../text.ts";

type Projection = components["schemas"]["Projection"];

/** The read models: their positions, generations and rebuilds. */
export function ProjectionsPage() {
  // A rebuild goes on without an event.
  const list = useResource("projections", ["status"], (client, signal) =>
    client.listProjections({}, { signal }).then(({ data }) => data),
  );
  const now = status.value;
  const refresh = list.state === "loading" ? () => {} : list.reload;
  return (
    <>
      <Heading
        title="Projections"
        lead="Each model is a projection of the stream and can be rebuilt from it at any time, while the live generation is still served."
      />
      <Loaded resource={list} lines={8}>
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
                  isWhole={now.scope === "ledger"}
                  projection={projections.find(({ name }) => name === one.name)}
                  onChange={refresh}
                />
              ))}
            </div>
          )
        }
      </Loaded>
    </>
  );
}

type ProjectionStatus = Status["projections"][number];
type Generation = components["schemas"]["Generation"];
type Progress = components["schemas"]["RebuildProgress"];

type ProjectionProps = Readonly<{
  status: ProjectionStatus;
  head: string;
  /** Without it the key is a platform's, and receives no digests and counts. */
  isWhole: boolean;
  projection: Projection | undefined;
  /** Called when a rebuild or a rollback was started. */
  onChange: () => void;
}>;

/** One model: state, lag, generations, and its last rebuild. */
function ProjectionPanel({ status, head, isWhole, projection, onChange }: ProjectionProps) {
  const { name, state, position, lag, lag_seconds, reason } = status;
  const { generations = [], rebuild = null } = projection ?? {};
  const rate = useRate(position);
  // Where nothing is built or can be read, the record's figures mean nothing.
  const known = <T,>(value: T) => (position === "0" ? "–" : value);
  const isUnknown = state === "unreadable" && position === "0";
  const lagged = lag === 0 ? "none" : `${lag} events, ${durationText(lag_seconds)}`;
  const isRunning = rebuild !== null && rebuild.finished_at === null;
  // The status may name models that the client's types do not know.
  const named = name as ParametersOf<"startRebuild">["name"];
  const startRebuild = async () => {
    await api.value.startRebuild({ name: named });
    onChange();
  };
  const rollBack = async (generation: number) => {
    await api.value.rollBackProjection({ name: named, body: { generation } });
    onChange();
  };
  return (
    <Panel title={name} aside={<Badge word={state} />}>
      <Facts
        of={[
          ...(reason === null ? [] : [["cannot be read", <b class="bad">{reason}</b>] as const]),
          ["position", isUnknown ? "–" : `${position} of ${head}`],
          ["lag", isUnknown ? "–" : lagged],
          ["events a second", rate === null ? "–" : String(rate)],
          ["generation", known(`${status.generation}, model version ${status.model_version}`)],
          ...(isWhole && !isUnknown ? wholeFacts(status) : []),
        ]}
      />
      {rebuild !== null && <RebuildStatus progress={rebuild} />}
      <ConfirmButton
        action="Rebuild"
        question={`Rebuild ${name} from the stream? The live generation is served until the new one is complete and its digests are equal.`}
        isBusy={isRunning}
        act={startRebuild}
      />
      <Generations model={name} generations={generations} rollBack={isRunning ? null : rollBack} />
    </Panel>
  );
}

/** The speed of a position over its last observed changes; null before it moves. */
function useRate(position: string): number | null {
  const [samples, setSamples] = useState<readonly Readonly<{ at: number; position: number }>[]>([]);
  useEffect(() => {
    const sample = { at: performance.now(), position: Number(position) };
    setSamples((before) => [...before, sample].slice(-10));
  }, [position]);
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const seconds = (performance.now() - first.at) / 1000;
  return Math.round((last.position - first.position) / seconds);
}

function RebuildStatus({ progress }: Readonly<{ progress: Progress }>) {
  const { state, generation, position, target, events_per_second, finished_at, detail } = progress;
  return (
    <div class="progress" role="status">
      <p>
        Generation {generation} <Badge word={state} /> {position} of{" "}
        {countOf(Number(target), "event")}
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
  /** Null while a rebuild is running. */
  rollBack: ((generation: number) => Promise<void>) | null;
}>;

/** What covers the records of every platform. */
const wholeFacts = ({ stopped_keys, digest, state_digest }: ProjectionStatus) =>
  [
    ["stopped subjects", stopped_keys === 0 ? "none" : <b class="bad">{stopped_keys}</b>],
    ["digest", <Id key="d">{digest}</Id>],
    ["state digest", <Id key="s">{state_digest}</Id>],
  ] as const;

/** The kept generations; equal digests at one position mean equal models. */
function Generations({ model, generations, rollBack }: GenerationsProps) {
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
              rollBack !== null && (
                <ConfirmButton
                  action="Roll back"
                  question={`Make generation ${generation} of ${model} live again? It catches up first.`}
                  act={() => rollBack(generation)}
                />
              )
            ),
        },
      ]}
    />
  );
}
