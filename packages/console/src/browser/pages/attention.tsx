import type { components, ParametersOf } from "@counterfoil/client";
import { ConfirmButton, NoteForm } from "../components/actions.tsx";
import { Filters, ListPanel, Panel, Table } from "../components/panel.tsx";
import { Ago, Badge, DeliveryLink, RecordLink, Time } from "../components/values.tsx";
import { Empty, Loaded, ofModels, Refusal, useResource } from "../resource.tsx";
import { givenBy, pathTo, query, useTitle } from "../router.ts";
import { api } from "../session.ts";
import { Acknowledge, AnomalySentence, KINDS } from "./anomaly.tsx";

type Anomaly = components["schemas"]["Anomaly"];

/** A value of the filter by kind: shows only deliveries that could not be read. */
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

/** What needs a person, with the possible actions. */
export function AttentionPage() {
  useTitle("Attention");
  return (
    <>
      <div class="heading">
        <h1>Attention</h1>
        <p class="lead">Unacknowledged items come first, newest on top.</p>
      </div>
      <Filters filters={FILTERS} />
      {query.value.get("kind") !== QUARANTINE && <Anomalies />}
      <Quarantine />
    </>
  );
}

function Anomalies() {
  const request = { ...givenBy(NAMES), limit: ON_A_PAGE } as ParametersOf<"listAnomalies">;
  const list = useResource(
    `anomalies ${query.value}`,
    (client, signal) => client.listAnomalies(request, { signal }),
    ofModels(...MODELS),
  );
  const reload = list.state === "loading" ? () => {} : list.reload;
  return (
    <ListPanel title="Anomalies" resource={list} lines={8} empty="No anomalies match.">
      {(anomalies) =>
        groupsOf(anomalies).map(([kind, ofKind]) => (
          <Group key={kind} kind={kind} anomalies={ofKind} onChange={reload} />
        ))
      }
    </ListPanel>
  );
}

/** Groups by kind, in the order of each group's first anomaly. */
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
          { title: "details", cell: (anomaly) => <AnomalySentence anomaly={anomaly} /> },
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

const SHOWN = 50;

/** Deliveries that could not be read. */
function Quarantine() {
  const list = useResource(
    "quarantine",
    (client, signal) => client.listQuarantine({ open: "true", limit: SHOWN } as never, { signal }),
    ofModels("balances"),
  );
  const reload = list.state === "loading" ? () => {} : list.reload;
  const reloadFrom = async (position: string) => {
    await api.value.listQuarantine({ limit: 1, min_position: position } as never);
    reload();
  };
  const retry = async (delivery_id: string) => {
    const { data, position } = await api.value.retryQuarantined({ delivery_id });
    await reloadFrom(position);
    const { outcome, detail } = data;
    if (outcome === "resolved") return;
    throw new Refusal(`${REASONS[outcome] ?? outcome}${detail === null ? "" : `: ${detail}`}`);
  };
  const dismiss = async (delivery_id: string, note: string) => {
    const { position } = await api.value.dismissQuarantined({ delivery_id, body: { note } });
    await reloadFrom(position);
  };
  return (
    <Panel title="Quarantine" aside="kept byte for byte, not readable">
      <Loaded resource={list}>
        {({ data, next_cursor }) =>
          data.length === 0 ? (
            <Empty>None: every delivery could be read.</Empty>
          ) : (
            <>
              <QuarantineTable deliveries={data} retry={retry} dismiss={dismiss} />
              {next_cursor !== null && <p class="quiet">These are the newest {SHOWN}.</p>}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

type QuarantineTableProps = Readonly<{
  deliveries: readonly components["schemas"]["QuarantinedDelivery"][];
  retry: (id: string) => Promise<void>;
  dismiss: (id: string, note: string) => Promise<void>;
}>;

function QuarantineTable({ deliveries, retry, dismiss }: QuarantineTableProps) {
  return (
    <Table
      label="Quarantined deliveries"
      rows={deliveries}
      keyOf={({ delivery_id }) => delivery_id}
      columns={[
        {
          title: "delivery",
          cell: ({ delivery_id }) => <DeliveryLink id={delivery_id} text={delivery_id} />,
        },
        { title: "provider", cell: ({ provider }) => provider },
        { title: "payload type", minor: true, cell: (row) => row.payload_type || "–" },
        {
          title: "reason",
          cell: ({ reason, detail }) => (
            <span class="wrap">
              <b>{reason}</b>: {detail}
            </span>
          ),
        },
        { title: "attempts", kind: "number", minor: true, cell: ({ attempts }) => attempts },
        { title: "received", minor: true, cell: (row) => <Ago at={row.received_at} /> },
        {
          title: "actions",
          cell: ({ delivery_id: id }) => (
            <span class="actions">
              <ConfirmButton
                action="Retry"
                question="Read it again, with the translation of this version?"
                act={() => retry(id)}
              />
              <NoteForm
                action="Dismiss"
                label="Note: why it can be ignored"
                act={(note) => dismiss(id, note)}
              />
            </span>
          ),
        },
      ]}
    />
  );
}

/** Outcomes of a retry that did not resolve the delivery. */
const REASONS: Readonly<Record<string, string>> = {
  unreadable: "It still cannot be read",
  tried: "This version has already tried",
  gone: "Its bytes were erased",
};
