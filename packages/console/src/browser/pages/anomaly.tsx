import type { components } from "@counterfoil/client";
import { NoteForm } from "../components/actions.tsx";
import { Facts, Id, Panel } from "../components/panel.tsx";
import { Amount, Badge, durationText, EventLink, RecordLink, Time } from "../components/values.tsx";
import { Loaded, ofModels, useResource } from "../resource.tsx";
import { type PageProps, useTitle } from "../router.ts";
import { api } from "../session.ts";

/** One anomaly: its details, its meaning, what to do. */
export function AnomalyPage({ parameters: { id = "" } }: PageProps) {
  useTitle("Anomaly");
  const found = useResource(
    `anomaly ${id}`,
    (client, signal) => client.getAnomaly({ id }, { signal }),
    ofModels("balances", "withdrawals", "deposits", "trades", "anomalies"),
  );
  const reload = found.state === "loading" ? () => {} : found.reload;
  return (
    <>
      <div class="heading">
        <h1>Anomaly</h1>
        <p class="lead">
          <Id>{id}</Id>
        </p>
      </div>
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

type Anomaly = components["schemas"]["Anomaly"];

const textIn = ({ detail }: Anomaly, name: string): string | null => {
  const value = detail[name];
  return typeof value === "string" ? value : null;
};

/** The anomaly in one short sentence. */
export function AnomalySentence({ anomaly }: Readonly<{ anomaly: Anomaly }>) {
  if (anomaly.kind === "gap") {
    return (
      <>
        <Amount value={textIn(anomaly, "missing_amount")} signed /> between run{" "}
        {textIn(anomaly, "after_run_id") ?? "none"} and run{" "}
        {textIn(anomaly, "before_run_id") ?? "none"}
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
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`);
  return <>{details.join(", ") || "–"}</>;
}

type AcknowledgeProps = Readonly<{ anomaly: Anomaly; onDone: () => void }>;

/** Acknowledges an anomaly: it needs no attention until it changes. */
export function Acknowledge({ anomaly: { id, model }, onDone }: AcknowledgeProps) {
  const acknowledge = async (note: string) => {
    const { position } = await api.value.acknowledgeAnomaly({ id, body: { note } });
    const seen = { model, limit: 1, min_position: position };
    await api.value.listAnomalies(seen as never);
    onDone();
  };
  return <NoteForm action="Acknowledge" label="Note: what was found or done" act={acknowledge} />;
}

type Kind = Readonly<{ what: string; todo: string }>;

/** What each kind of anomaly means, and what to do about it, in one sentence each. */
export const KINDS: Readonly<Record<string, Kind>> = {
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
    what: "The record has been in its stage for too long.",
    todo: "Ask the provider about the transfer; the next status closes this.",
  },
};
