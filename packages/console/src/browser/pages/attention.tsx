import type { components, ParametersOf } from "@counterfoil/client";
import { KINDS } from "../anomaly-kinds.ts";
import { Badge } from "../components/badge.tsx";
import { Filters, givenBy } from "../components/filters.tsx";
import { RecordLink } from "../components/links.tsx";
import { Pager } from "../components/pager.tsx";
import { Panel } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import { Ago, Time } from "../components/time.tsx";
import { useTitle } from "../page.ts";
import { ofModels, useResource } from "../resource.ts";
import { pathTo, query } from "../router.ts";
import { Acknowledge, AnomalySentence } from "./anomaly-parts.tsx";
import { Quarantine } from "./quarantine.tsx";

type Anomaly = components["schemas"]["Anomaly"];

/** Of the filter by kind: deliveries that nobody could read, and no anomalies. */
const QUARANTINE = "quarantine";

const FILTERS = [
  { name: "kind", title: "Kind", choices: [...Object.keys(KINDS), QUARANTINE] },
  { name: "model", title: "Model", choices: ["balances", "withdrawals", "deposits", "trades"] },
  {
    name: "open",
    title: "Open",
    choices: [
      ["true", "open"],
      ["false", "closed"],
    ],
  },
] as const;

const NAMES = ["kind", "model", "open", "cursor"] as const;
const ON_A_PAGE = 50;
const MODELS = ["balances", "withdrawals", "deposits", "trades", "anomalies"];

/** What needs a person, and what one can do. */
export function AttentionPage() {
  useTitle("Attention");
  return (
    <>
      <div class="heading">
        <h1>Attention</h1>
        <p class="lead">What nobody has acknowledged comes first, the newest of it on top.</p>
      </div>
      <Filters filters={FILTERS} />
      {query.value.get("kind") !== QUARANTINE && <Anomalies />}
      <Quarantine />
    </>
  );
}

function Anomalies() {
  const asked = { ...givenBy(NAMES), limit: ON_A_PAGE } as ParametersOf<"listAnomalies">;
  const list = useResource(
    `anomalies ${query.value}`,
    (client, signal) => client.listAnomalies(asked, { signal }),
    ofModels(...MODELS),
  );
  const again = list.state === "loading" ? () => {} : list.again;
  return (
    <Panel title="Anomalies">
      <Loaded resource={list} lines={8}>
        {({ data, next_cursor, position }) => (
          <>
            {groupsOf(data).map(([kind, anomalies]) => (
              <Group key={kind} kind={kind} anomalies={anomalies} onChange={again} />
            ))}
            {data.length === 0 && <Empty>No anomaly is like that.</Empty>}
            <Pager next={next_cursor} count={data.length} position={position} />
          </>
        )}
      </Loaded>
    </Panel>
  );
}

/** By kind, in the order in which the first of each stands. */
const groupsOf = (anomalies: readonly Anomaly[]) => [...Map.groupBy(anomalies, ({ kind }) => kind)];

type GroupProps = Readonly<{
  kind: string;
  anomalies: readonly Anomaly[];
  onChange: () => void;
}>;

function Group({ kind, anomalies, onChange }: GroupProps) {
  const { what, todo } = KINDS[kind] ?? { what: "", todo: "" };
  return (
    <div class="kind-group">
      <h3>
        <Badge word={kind} tone="warn" /> {what}
      </h3>
      <p class="quiet">{todo}</p>
      <Table
        label={`Anomalies of the kind ${kind}`}
        rows={anomalies}
        keyOf={({ id }) => id}
        classOf={({ closed_position }) => (closed_position === null ? "" : "closed")}
        columns={[
          {
            title: "subject",
            cell: ({ model, subject }) => <RecordLink model={model} id={subject} />,
          },
          { title: "what", cell: (anomaly) => <AnomalySentence anomaly={anomaly} /> },
          {
            title: "opened",
            minor: true,
            cell: ({ opened_at }) => (opened_at === null ? "–" : <Ago at={opened_at} />),
          },
          {
            title: "more",
            cell: ({ id }) => (
              <a href={pathTo("anomaly", { id })} aria-label={`more of ${id}`}>
                more
              </a>
            ),
          },
          {
            title: "acknowledged",
            cell: (anomaly) =>
              anomaly.acknowledged_at === null ? (
                <Acknowledge anomaly={anomaly} onDone={onChange} />
              ) : (
                <>
                  {anomaly.acknowledged_by}: {anomaly.note}{" "}
                  <span class="quiet">
                    <Time at={anomaly.acknowledged_at} />
                  </span>
                </>
              ),
          },
        ]}
      />
    </div>
  );
}
