import { pathTo } from "../../addresses.ts";
import { Badge } from "../components/badge.tsx";
import { CopyButton } from "../components/copy-button.tsx";
import { EventsTable } from "../components/events-table.tsx";
import { DeliveryLink, SubjectLink } from "../components/links.tsx";
import { Facts, Id, Panel } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { Time } from "../components/time.tsx";
import { type PageProps, useTitle } from "../page.ts";
import { useResource } from "../resource.ts";

/** One event of the stream, by its position or its id. */
export function EventPage({ parameters: { id = "" } }: PageProps) {
  useTitle(`Event ${id}`);
  const found = useResource(`event ${id}`, (client, signal) => client.getEvent({ id }, { signal }));
  return (
    <>
      <div class="heading">
        <h1>Event</h1>
      </div>
      <Loaded resource={found} lines={8}>
        {({ data: event, position: head }) => (
          <div class="panels">
            <Panel
              class="wide"
              title={event.type}
              aside={<Neighbours position={event.position} head={head} />}
            >
              <Facts
                of={[
                  ["position", event.position],
                  ["subject, and key on Kafka", <SubjectLink key="s" subject={event.subject} />],
                  ["occurred", <Time key="o" at={event.occurred_at} />],
                  ["recorded", <Time key="r" at={event.recorded_at} />],
                  ["id", <Id key="i">{event.id}</Id>],
                  ["hash", <Id key="h">{event.hash}</Id>],
                  ["request id", event.correlation_id],
                  [
                    "delivery",
                    event.delivery && (
                      <>
                        <DeliveryLink
                          id={event.delivery.delivery_id}
                          text={event.delivery.delivery_id}
                        />{" "}
                        <Badge word={event.delivery.outcome} />
                      </>
                    ),
                  ],
                ]}
              />
            </Panel>
            <Panel
              class="wide"
              title="Data"
              aside={<CopyButton text={JSON.stringify(event)}>Copy as JSON</CopyButton>}
            >
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: who has no mouse moves it by the keyboard. */}
              <pre class="body" tabIndex={0}>
                {JSON.stringify(event.data, null, 2)}
              </pre>
            </Panel>
            <Panel class="wide" title="What later events say of it">
              {event.amendments.length === 0 ? (
                <Empty>Nothing: it stands as it was recorded.</Empty>
              ) : (
                <EventsTable label="Amendments" events={event.amendments} />
              )}
            </Panel>
          </div>
        )}
      </Loaded>
    </>
  );
}

function Neighbours({ position, head }: Readonly<{ position: string; head: string }>) {
  const [here, last] = [BigInt(position), BigInt(head)];
  return (
    <>
      {here > 1n && <a href={pathTo("event", { id: String(here - 1n) })}>before</a>}
      {here > 1n && here < last && " · "}
      {here < last && <a href={pathTo("event", { id: String(here + 1n) })}>after</a>}
    </>
  );
}
