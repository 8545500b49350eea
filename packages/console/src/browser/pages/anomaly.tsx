import { KINDS } from "../anomaly-kinds.ts";
import { Badge } from "../components/badge.tsx";
import { EventLink, RecordLink } from "../components/links.tsx";
import { Facts, Id, Panel } from "../components/panel.tsx";
import { Loaded } from "../components/states.tsx";
import { Time } from "../components/time.tsx";
import { type PageProps, useTitle } from "../page.ts";
import { ofModels, useResource } from "../resource.ts";
import { Acknowledge, AnomalySentence } from "./anomaly-parts.tsx";

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
