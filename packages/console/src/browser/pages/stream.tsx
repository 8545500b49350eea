import type { components } from "@counterfoil/client";
import { useState } from "preact/hooks";
import { isDots, pathTo } from "../../addresses.ts";
import { CopyButton } from "../components/actions.tsx";
import { Facts, Filters, Heading, Id, ListPanel, Panel, Table } from "../components/panel.tsx";
import {
  amountColumn,
  Badge,
  DeliveryLink,
  EventLink,
  Named,
  SubjectLink,
  Time,
} from "../components/values.tsx";
import { Empty, Loaded, useResource } from "../resource.tsx";
import { type PageProps, query, queryGiven } from "../router.ts";

const FILTERS = [
  { name: "type", title: "Type", placeholder: "RunRecorded" },
  { name: "subject", title: "Subject" },
  { name: "correlation_id", title: "Request id" },
  { name: "after", title: "After position" },
  { name: "since", title: "Since", placeholder: "2026-01-31T00:00:00Z" },
  { name: "until", title: "Until", placeholder: "2026-02-01T00:00:00Z" },
  {
    name: "order",
    title: "Order",
    choices: [
      ["desc", "newest first"],
      ["asc", "oldest first"],
    ],
  },
] as const;

const ON_A_PAGE = 50;
const SOURCES = ["stream"] as const;

/** The stream itself, newest first, updated as events are appended. */
export function StreamPage() {
  const request = { order: "desc", limit: ON_A_PAGE, ...queryGiven() };
  const list = useResource(`events ${query.value}`, SOURCES, (client, signal) =>
    client.listEvents(request as never, { signal }),
  );
  return (
    <>
      <Heading
        title="Stream"
        lead="Every event in order; events never change. A position or a time sets where the list begins."
      />
      <Filters filters={FILTERS} />
      <ListPanel
        title={request.order === "asc" ? "Oldest first" : "Newest first"}
        resource={list}
        of={SOURCES}
        lines={12}
        empty="No events match."
      >
        {(data) => <EventsTable label="Events" events={data} />}
      </ListPanel>
    </>
  );
}

/** One event of the stream, by its position or its id. */
export function EventPage({ parameters: { id = "" } }: PageProps) {
  const found = useResource(`event ${id}`, SOURCES, (client, signal) =>
    client.getEvent({ id }, { signal }),
  );
  return (
    <>
      <Heading title={`Event ${id}`}>Event</Heading>
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
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it. */}
              <pre class="body" tabIndex={0}>
                {JSON.stringify(event.data, null, 2)}
              </pre>
            </Panel>
            <Panel class="wide" title="Amendments">
              {event.amendments.length === 0 ? (
                <Empty>None: no later event amends it.</Empty>
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
      {here > 1n && <a href={pathTo("event", { id: String(here - 1n) })}>previous</a>}
      {here > 1n && here < last && " · "}
      {here < last && <a href={pathTo("event", { id: String(here + 1n) })}>next</a>}
    </>
  );
}

/** One run of the provider's ledger, on all its accounts. */
export function RunPage({ parameters: { id = "" } }: PageProps) {
  // A browser takes a path that ends with dots for another one.
  const request = { ...queryGiven(), run_id: isDots(id) ? `zerohash:${id}` : id };
  const found = useResource(`run ${id} ${query.value}`, ["balances"], (client, signal) =>
    client.getRun(request, { signal }),
  );
  return (
    <>
      <Heading title={`Run ${id}`} hasMoment={true}>
        Run <bdi>{id}</bdi>
      </Heading>
      <Loaded resource={found} lines={6}>
        {({ data: run }) => (
          <div class="panels">
            <Panel title="Details" class="wide">
              <Facts
                of={[
                  ["provider", run.provider],
                  ["type", run.run_type],
                  ["occurred", <Time key="o" at={run.occurred_at} />],
                  ["accounts", run.accounts.length],
                ]}
              />
            </Panel>
            {run.accounts.map((account) => (
              <RunOnAccount key={account.account} account={account} />
            ))}
          </div>
        )}
      </Loaded>
    </>
  );
}

type AccountOfRun = components["schemas"]["Run"]["accounts"][number];

/** More rows are shown when they are asked for: the browser would take long to lay them out. */
const MOVEMENTS_SHOWN = 100;

/** The run's movements on one account. */
function RunOnAccount({ account }: Readonly<{ account: AccountOfRun }>) {
  const [isWhole, setWhole] = useState(false);
  const { movements, movement_count } = account;
  const shown = isWhole ? movements : movements.slice(0, MOVEMENTS_SHOWN);
  return (
    <Panel
      class="wide"
      title={<SubjectLink subject={account.account} />}
      aside={
        <>
          position <EventLink position={account.position} />
        </>
      }
    >
      <Table
        label={`The run on ${account.account}`}
        rows={[account]}
        keyOf={({ account: id }) => id}
        columns={[
          amountColumn("change", [account], ({ change }) => change, { signed: true }),
          amountColumn("balance after", [account], ({ balance }) => balance),
          { title: "effective", cell: (row) => <Time at={row.effective_at} /> },
          {
            title: "movements",
            kind: "number",
            cell: ({ movement_count }) => movement_count,
          },
        ]}
      />
      <Table
        label={`Movements on ${account.account}`}
        rows={shown}
        keyOf={({ movement_id }) => movement_id}
        columns={[
          { title: "movement", cell: (row) => <MovementName of={row} /> },
          { title: "type", cell: ({ movement_type }) => movement_type ?? "–" },
          amountColumn("change", movements, ({ change }) => change, {
            signed: true,
          }),
          {
            title: "occurred",
            minor: true,
            cell: (row) => <Time at={row.occurred_at} />,
          },
        ]}
      />
      {shown.length < movements.length && (
        <p>
          <button type="button" onClick={() => setWhole(true)}>
            Show {movements.length - shown.length} more
          </button>
        </p>
      )}
      {movements.length < movement_count && (
        <p class="quiet">
          {movement_count - movements.length} more are not listed: these are the first by id.
        </p>
      )}
    </Panel>
  );
}

const MovementName = ({ of }: Readonly<{ of: AccountOfRun["movements"][number] }>) => (
  <>
    <span class="id">{of.movement_id}</span> {of.corrected && <Badge word="corrected" />}
  </>
);

type StreamEvent = components["schemas"]["Event"];

type EventsTableProps = Readonly<{ label: string; events: readonly StreamEvent[] }>;

/** Events of the stream, one row each. */
export function EventsTable({ label, events }: EventsTableProps) {
  return (
    <Table
      label={label}
      rows={events}
      keyOf={({ position }) => position}
      columns={[
        {
          title: "position",
          kind: "number",
          cell: ({ position }) => <EventLink position={position} />,
        },
        { title: "type", cell: ({ type }) => <b>{type}</b> },
        { title: "subject", cell: ({ subject }) => <SubjectLink subject={subject} /> },
        { title: "summary", minor: true, cell: (event) => <Summary event={event} /> },
        { title: "recorded", minor: true, cell: ({ recorded_at }) => <Time at={recorded_at} /> },
      ]}
    />
  );
}

/** The fields that a summary shows; the rest is on the event's own page. */
const SUMMARY_FIELDS = [
  ...["asset", "change", "balance", "status", "provider_status", "movement_type", "run_type"],
  ...["amount", "reason", "detail", "payload_type", "model", "generation", "action", "note"],
];

function Summary({ event: { data } }: Readonly<{ event: StreamEvent }>) {
  const parts = SUMMARY_FIELDS.flatMap((name) => {
    const value = data[name];
    return typeof value === "string" || typeof value === "number"
      ? [[name, String(value)] as const]
      : [];
  });
  return (
    <span class="wrap quiet">
      <Named of={parts.slice(0, 4)} />
    </span>
  );
}
