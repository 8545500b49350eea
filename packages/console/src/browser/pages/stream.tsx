import { EventsTable } from "../components/events-table.tsx";
import { Filters, givenBy } from "../components/filters.tsx";
import { Pager } from "../components/pager.tsx";
import { Panel } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { useTitle } from "../page.ts";
import { ofModels, useResource } from "../resource.ts";
import { query } from "../router.ts";

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

const NAMES = [...FILTERS.map(({ name }) => name), "cursor"] as const;
const ON_A_PAGE = 50;

/** The stream itself: the newest on top, following what is appended. */
export function StreamPage() {
  useTitle("Stream");
  const given = givenBy(NAMES);
  const asked = { order: "desc", ...given, limit: ON_A_PAGE } as never;
  const list = useResource(
    `events ${query.value}`,
    (client, signal) => client.listEvents(asked, { signal }),
    ofModels("balances"),
  );
  return (
    <>
      <div class="heading">
        <h1>Stream</h1>
        <p class="lead">
          Every event, once and for good. A position or a time is where the list begins.
        </p>
      </div>
      <Filters filters={FILTERS} />
      <Panel title={given.order === "asc" ? "Oldest first" : "Newest first"}>
        <Loaded resource={list} lines={12}>
          {({ data, next_cursor, position }) => (
            <>
              {data.length === 0 ? (
                <Empty>No event is like that.</Empty>
              ) : (
                <EventsTable label="Events" events={data} />
              )}
              <Pager next={next_cursor} count={data.length} position={position} />
            </>
          )}
        </Loaded>
      </Panel>
    </>
  );
}
