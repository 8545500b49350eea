import type { components, ParametersOf } from "@counterfoil/client";
import { ConfirmButton, NoteForm } from "../components/actions.tsx";
import { Facts, Filters, Heading, Id, ListPanel, Panel, Table } from "../components/panel.tsx";
import {
  Ago,
  Amount,
  Badge,
  DeliveryLink,
  EventLink,
  Named,
  RecordLink,
  Time,
} from "../components/values.tsx";
import { MODELS } from "../lag.ts";
import { Loaded, None, Refusal, useResource } from "../resource.tsx";
import { isPast, momentGiven, type PageProps, pathTo, query, queryGiven } from "../router.ts";
import { api } from "../session.ts";
import { durationText } from "../text.ts";

type Anomaly = components["schemas"]["Anomaly"];

type Kind = Readonly<{ what: string; todo: string }>;

/** What each kind of anomaly means, and what to do about it, in one sentence each. */
const KINDS: Readonly<Record<string, Kind>> = {
  gap: {
    what: "Between two runs the balance changed by an amount that no known run explains.",
    todo: "Ask the provider for the runs in between; a late report closes the gap by itself.",
  },
  contradiction: {
    what: "Two statements about the same thing contradict each other.",
    todo: "Compare the bytes of the deliveries, and ask the provider which one is right.",
  },
  account_id_conflict: {
    what: "The provider uses several ids for one account, or one id for several accounts.",
    todo: "Ask the provider which id is right; accounts are identified by Counterfoil's own id.",
  },
  id_conflict: {
    what: "The provider uses one id for records of different owners.",
    todo: "Use Counterfoil's own id of each record; tell the provider that its id is not unique.",
  },
  type_conflict: {
    what: "The same bytes arrived under two payload types. The first one counts, the second is in quarantine.",
    todo: "Check who sent the second delivery: no signature covers the payload type.",
  },
  invariant: {
    what: "Available and reserved funds do not add up to the balance on the chain.",
    todo: "Wait for the next message; if the anomaly stays open, ask the provider.",
  },
  foreign_event: {
    what: "Another client wrote to the stream.",
    todo: "Find out which client has write access to the engine, and revoke it.",
  },
  clock: {
    what: "A time is impossible, or far from the other times of the same fact.",
    todo: "Look at the delivery; an impossible time is replaced by the time of arrival.",
  },
  illegal_step: {
    what: "A status may not follow the previous one.",
    todo: "Look at the timeline; a status may be missing or late.",
  },
  unknown_word: {
    what: "This version does not know the provider's status word.",
    todo: "Update Counterfoil; the stage does not change until then.",
  },
  unlisted: {
    what: "The feed's last complete snapshot does not list an account that has a balance.",
    todo: "Ask the provider whether the account was closed; a listing or a report closes this.",
  },
  stopped: {
    what: "A fact could not be projected, so this subject is stopped in this model. No other subject is affected.",
    todo: "See the log; with a fixed version the subject continues when the projector starts.",
  },
  stuck: {
    what: "The record has waited in its stage for too long; if it ended, its movements disagree with its end.",
    todo: "Ask the provider about the transfer; the next status or movement closes this.",
  },
};

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

const ON_A_PAGE = 50;

/** What needs a person, with the possible actions. */
export function AttentionPage() {
  return (
    <>
      <Heading
        title="Attention"
        lead="Unacknowledged items come first, newest on top."
        hasMoment={true}
      />
      <Filters filters={FILTERS} />
      {query.value.get("kind") !== QUARANTINE && <Anomalies />}
      {!isPast(momentGiven()) && <Quarantine />}
    </>
  );
}

function Anomalies() {
  const request = { limit: ON_A_PAGE, ...queryGiven() } as ParametersOf<"listAnomalies">;
  const list = useResource(`anomalies ${query.value}`, MODELS, (client, signal) =>
    client.listAnomalies(request, { signal }),
  );
  const reload = list.state === "loading" ? () => {} : list.reload;
  return (
    <ListPanel title="Anomalies" resource={list} of={MODELS} lines={8} empty="No anomalies match.">
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
                  {anomaly.acknowledged_by}: <bdi>{anomaly.note}</bdi>{" "}
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

/** One anomaly: its details, its meaning, what to do. */
export function AnomalyPage({ parameters: { id = "" } }: PageProps) {
  const request = { id, ...queryGiven() } as ParametersOf<"getAnomaly">;
  const found = useResource(`anomaly ${id} ${query.value}`, MODELS, (client, signal) =>
    client.getAnomaly(request, { signal }),
  );
  const reload = found.state === "loading" ? () => {} : found.reload;
  return (
    <>
      <Heading title="Anomaly" lead={<Id>{id}</Id>} hasMoment={true} />
      <Panel title="What is wrong">
        <Loaded resource={found}>
          {({ data }) => {
            const { what = "", todo = "" } = KINDS[data.kind] ?? {};
            return (
              <>
                <p>
                  <Badge word={data.kind} tone="warn" /> <AnomalySentence anomaly={data} />
                </p>
                <p>{what}</p>
                <p class="quiet">{todo}</p>
                <Facts
                  of={[
                    ["subject", <RecordLink key="s" model={data.model} id={data.subject} />],
                    ["model", data.model],
                    ["opened", <Time key="o" at={data.opened_at} />],
                    ["opened at position", <EventLink key="p" position={data.opened_position} />],
                    [
                      "closed at position",
                      data.closed_position === null ? (
                        "open"
                      ) : (
                        <EventLink position={data.closed_position} />
                      ),
                    ],
                    ["acknowledged by", data.acknowledged_by],
                    ["note", data.note],
                    ...Object.entries(data.detail).map(
                      ([name, value]) =>
                        [
                          name.replaceAll("_", " "),
                          typeof value === "string" ? value : JSON.stringify(value),
                        ] as const,
                    ),
                  ]}
                />
                {data.acknowledged_at === null && data.closed_position === null && (
                  <Acknowledge anomaly={data} onDone={reload} />
                )}
              </>
            );
          }}
        </Loaded>
      </Panel>
    </>
  );
}

const textIn = ({ detail }: Anomaly, name: string): string | null => {
  const value = detail[name];
  return typeof value === "string" ? value : null;
};

/** The anomaly in one short sentence. */
function AnomalySentence({ anomaly }: Readonly<{ anomaly: Anomaly }>) {
  if (anomaly.kind === "gap") {
    return (
      <>
        <Amount value={textIn(anomaly, "missing_amount")} signed /> between run{" "}
        <bdi>{textIn(anomaly, "after_run_id") ?? "none"}</bdi> and run{" "}
        <bdi>{textIn(anomaly, "before_run_id") ?? "none"}</bdi>
      </>
    );
  }
  if (anomaly.kind === "stuck") {
    return (
      <>
        in {textIn(anomaly, "stage")} since <Time at={textIn(anomaly, "entered_at")} />, longer than{" "}
        {durationText(Number(anomaly.detail.after_seconds))}
      </>
    );
  }
  const details = Object.entries(anomaly.detail)
    .filter(([, value]) => ["string", "number"].includes(typeof value))
    .map(([name, value]) => [name, String(value)] as const);
  return details.length === 0 ? <>–</> : <Named of={details} />;
}

type AcknowledgeProps = Readonly<{ anomaly: Anomaly; onDone: () => void }>;

/** Acknowledges an anomaly: it needs no attention until it changes. */
function Acknowledge({ anomaly: { id, model }, onDone }: AcknowledgeProps) {
  const acknowledge = async (note: string) => {
    const { position } = await api.value.acknowledgeAnomaly({ id, body: { note } });
    const seen = { model, limit: 1, min_position: position };
    await api.value.listAnomalies(seen as never);
    onDone();
  };
  return (
    <NoteForm id={id} action="Acknowledge" label="Note: what was found or done" act={acknowledge} />
  );
}

const SHOWN = 50;

/** Deliveries that could not be read. */
function Quarantine() {
  const list = useResource("quarantine", ["balances"], (client, signal) =>
    client.listQuarantine({ open: "true", limit: SHOWN } as never, { signal }),
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
            <None of={["balances"]}>None: every delivery could be read.</None>
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
              <b>{reason}</b>: <bdi>{detail}</bdi>
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
                id={id}
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
