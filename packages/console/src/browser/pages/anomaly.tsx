import type { components } from "@counterfoil/client";
import { NoteForm } from "../components/actions.tsx";
import { Amount } from "../components/amount.tsx";
import { Badge } from "../components/badge.tsx";
import { EventLink, RecordLink } from "../components/links.tsx";
import { Facts, Id, Panel } from "../components/panel.tsx";
import { durationText, Time } from "../components/time.tsx";
import { Loaded, ofModels, useResource } from "../resource.tsx";
import { type PageProps, useTitle } from "../router.ts";
import { api } from "../session.ts";

/** One anomaly: what it is, what it means, what to do. */
export function AnomalyPage({ parameters: { id = "" } }: PageProps) {
  useTitle("Anomaly");
  const found = useResource(
    `anomaly ${id}`,
    (client, signal) => client.getAnomaly({ id }, { signal }),
    ofModels("balances", "withdrawals", "deposits", "trades", "anomalies"),
  );
  const again = found.state === "loading" ? () => {} : found.again;
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
                  <Acknowledge anomaly={data} onDone={again} />
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

/** What is wrong, as short as it can be said. */
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
  const said = Object.entries(anomaly.detail)
    .filter(([, value]) => ["string", "number"].includes(typeof value))
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`);
  return <>{said.join(", ") || "–"}</>;
}

type AcknowledgeProps = Readonly<{ anomaly: Anomaly; onDone: () => void }>;

/** Says that somebody knows of it: it needs nobody until it changes. */
export function Acknowledge({ anomaly: { id, model }, onDone }: AcknowledgeProps) {
  const acknowledge = async (note: string) => {
    const { position } = await api.value.acknowledgeAnomaly({ id, body: { note } });
    const seen = { model, limit: 1, min_position: position };
    await api.value.listAnomalies(seen as never);
    onDone();
  };
  return (
    <NoteForm
      action="Acknowledge"
      why="Note: what you know, for those who come later"
      act={acknowledge}
    />
  );
}

type Kind = Readonly<{ what: string; todo: string }>;

/** What each kind of anomaly means, and what to do about it, in a sentence each. */
export const KINDS: Readonly<Record<string, Kind>> = {
  gap: {
    what: "Between two runs money came or went that no run says.",
    todo: "Ask the provider for the runs in between; a report that comes late closes the gap by itself.",
  },
  contradiction: {
    what: "Two copies of one fact say different things.",
    todo: "Compare the bytes of both deliveries, and ask the provider which holds.",
  },
  account_id_conflict: {
    what: "The provider gives one account several ids.",
    todo: "Ask the provider which holds; the account is shown under our own id.",
  },
  id_conflict: {
    what: "One id of the provider's names records of different owners.",
    todo: "Ask for each by its own id; tell the provider that the id is not unique.",
  },
  type_conflict: {
    what: "One run is said to be of two types.",
    todo: "Compare the deliveries; the balance does not depend on it.",
  },
  invariant: {
    what: "Available and reserved do not add up to what is on the chain.",
    todo: "Wait for the message that is under way; if it stays, ask the provider.",
  },
  foreign_event: {
    what: "Somebody else wrote to the stream.",
    todo: "Find out who has access to the engine, and take it away.",
  },
  clock: {
    what: "A time cannot be, or is far from the others that say the same.",
    todo: "Look at the delivery; the order of arrival was taken where the time could not be.",
  },
  illegal_step: {
    what: "A status does not follow from the one before it.",
    todo: "Look at the timeline; a status may be missing or may have come late.",
  },
  unknown_word: {
    what: "The provider says a word that this version does not know.",
    todo: "Update Counterfoil; the stage stays as it was until then.",
  },
  unlisted: {
    what: "The feed's last complete snapshot leaves out an account that holds something.",
    todo: "Ask the provider whether the account was closed; a listing or a report closes this.",
  },
  stopped: {
    what: "A fact could not be folded, so this subject stands still in this model.",
    todo: "See the log; after a fix the subject goes on by itself, and all others never stopped.",
  },
  stuck: {
    what: "It has stayed in its stage for longer than it should.",
    todo: "Ask the provider about the transfer; the next status ends this.",
  },
};
