import { Badge } from "../components/badge.tsx";
import { Filters, givenBy } from "../components/filters.tsx";
import { DeliveryLink, EventLink } from "../components/links.tsx";
import { Pager } from "../components/pager.tsx";
import { Panel } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { useTitle } from "../page.ts";
import { ofModels, useResource } from "../resource.ts";
import { query } from "../router.ts";

const FILTERS = [
  { name: "provider", title: "Provider", choices: ["zerohash", "layer1"] },
  { name: "channel", title: "Channel", choices: ["webhook", "feed"] },
  { name: "payload_type", title: "Payload type" },
  {
    name: "outcome",
    title: "Outcome",
    choices: ["recorded", "repeated", "quarantined", "dismissed"],
  },
  { name: "key_id", title: "Signature key" },
  { name: "since", title: "Since", placeholder: "2026-01-31T00:00:00Z" },
  { name: "until", title: "Until", placeholder: "2026-02-01T00:00:00Z" },
] as const;

const NAMES = [...FILTERS.map(({ name }) => name), "cursor"] as const;
const ON_A_PAGE = 50;

/** What came from the providers, newest first. */
export function DeliveriesPage() {
  useTitle("Deliveries");
  const asked = { ...givenBy(NAMES), limit: ON_A_PAGE } as never;
  const list = useResource(
    `deliveries ${query.value}`,
    (client, signal) => client.listDeliveries(asked, { signal }),
    ofModels("balances"),
  );
  return (
    <>
      <div class="heading">
        <h1>Deliveries</h1>
        <p class="lead">Each is kept byte for byte, with the verdict on its signature.</p>
      </div>
      <Filters filters={FILTERS} />
      <Panel title="Newest first">
        <Loaded resource={list} lines={10}>
          {({ data, next_cursor, position }) => (
            <>
              {data.length === 0 ? (
                <Empty>
                  {next_cursor === null ? "No delivery is like that." : "None among the newest."}
                </Empty>
              ) : (
                <Table
                  label="Deliveries"
                  rows={data}
                  keyOf={({ delivery_id }) => delivery_id}
                  columns={[
                    {
                      title: "delivery",
                      cell: ({ delivery_id }) => (
                        <DeliveryLink id={delivery_id} text={delivery_id} />
                      ),
                    },
                    { title: "provider", cell: ({ provider }) => provider },
                    { title: "channel", minor: true, cell: ({ channel }) => channel },
                    { title: "payload type", cell: ({ payload_type }) => payload_type || "–" },
                    { title: "outcome", cell: ({ outcome }) => <Badge word={outcome} /> },
                    {
                      title: "signature",
                      minor: true,
                      cell: ({ signature, scheme }) =>
                        scheme === null ? signature : `${signature}, ${scheme}`,
                    },
                    {
                      title: "bytes",
                      kind: "number",
                      minor: true,
                      cell: (row) => row.length ?? "–",
                    },
                    { title: "received", cell: (row) => <Time at={row.received_at} /> },
                    {
                      title: "position",
                      kind: "number",
                      minor: true,
                      cell: (row) => <EventLink position={row.position} />,
                    },
                  ]}
                />
              )}
              <Pager next={next_cursor} count={data.length} position={position} />
            </>
          )}
        </Loaded>
      </Panel>
    </>
  );
}
