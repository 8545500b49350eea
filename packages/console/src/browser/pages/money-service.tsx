import { Badge } from "../components/badge.tsx";
import { Facts, Panel } from "../components/panel.tsx";
import { Empty } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import { Ago, durationText, Time } from "../components/time.tsx";
import type { Status } from "../live.ts";
import { useResource } from "../resource.ts";

/** How far each model follows the stream, and what proves that it was folded right. */
export function Models({ status }: Readonly<{ status: Status }>) {
  const { projections, publisher } = status;
  const built = useActivations(projections.map(({ generation }) => generation).join(" "));
  return (
    <Panel title="Models" class="wide" aside={<PublisherLag publisher={publisher} />}>
      <Table
        label="Models"
        rows={projections}
        keyOf={({ name }) => name}
        columns={[
          { title: "model", cell: ({ name }) => <b>{name}</b> },
          { title: "state", cell: ({ state }) => <Badge word={state} /> },
          {
            title: "lag",
            kind: "number",
            cell: ({ lag, lag_seconds }) =>
              lag === 0 ? "0" : `${lag} events, ${durationText(lag_seconds)}`,
          },
          { title: "position", kind: "number", minor: true, cell: ({ position }) => position },
          { title: "generation", kind: "number", cell: ({ generation }) => generation },
          {
            title: "last rebuild",
            minor: true,
            cell: ({ name }) => <LastRebuild at={built[name]} />,
          },
          {
            title: "stopped subjects",
            kind: "number",
            minor: true,
            cell: ({ stopped_keys: count }) => (count === 0 ? "0" : <b class="bad">{count}</b>),
          },
          { title: "digest", minor: true, cell: ({ digest }) => <Digest of={digest} /> },
          { title: "state digest", minor: true, cell: (row) => <Digest of={row.state_digest} /> },
        ]}
      />
    </Panel>
  );
}

const LastRebuild = ({ at }: Readonly<{ at: string | undefined }>) =>
  at === undefined ? <span class="quiet">never</span> : <Time at={at} />;

/** When the generation of each model that is served was activated: the stream says it. */
function useActivations(generations: string): Readonly<Record<string, string>> {
  const found = useResource(`activations ${generations}`, (client, signal) =>
    client.listEvents({ type: ["ModelActivated"], order: "desc", limit: 20 }, { signal }),
  );
  if (found.state !== "loaded") return {};
  const newestLast = [...found.data.data].reverse();
  return Object.fromEntries(
    newestLast.map(({ data, recorded_at }) => [String(data.model), recorded_at]),
  );
}

/** Enough of it to be compared by eye; the whole is in the title. */
const Digest = ({ of }: Readonly<{ of: string }>) =>
  /^0+$/.test(of) ? (
    <span class="unknown">–</span>
  ) : (
    <code title={of}>
      {of.slice(0, 8)}…{of.slice(-4)}
    </code>
  );

function PublisherLag({ publisher }: Pick<Status, "publisher">) {
  if (publisher === null) return <>Kafka: nothing is published</>;
  const { lag, lag_seconds, position } = publisher;
  return (
    <>
      Kafka:{" "}
      {lag === 0
        ? `up to date at ${position}`
        : `${lag} events, ${durationText(lag_seconds)} behind`}
    </>
  );
}

/** What came last from each provider, on each channel. */
export function Deliveries({ status }: Readonly<{ status: Status }>) {
  const { feed, last_deliveries } = status;
  return (
    <Panel title="What came last" aside={feed === null ? "no feed" : <Badge word={feed.state} />}>
      {feed !== null && (
        <Facts
          of={[
            [`feed ${feed.state} since`, <Time key="since" at={feed.since} />],
            ["reason", feed.reason],
          ]}
        />
      )}
      {last_deliveries.length === 0 ? (
        <Empty>No delivery has come yet.</Empty>
      ) : (
        <Table
          label="Last deliveries"
          rows={last_deliveries}
          keyOf={({ provider, channel }) => `${provider} ${channel}`}
          columns={[
            { title: "provider", cell: ({ provider }) => <b>{provider}</b> },
            { title: "channel", cell: ({ channel }) => channel },
            { title: "last", cell: ({ recorded_at }) => <Ago at={recorded_at} /> },
            { title: "at", minor: true, cell: ({ recorded_at }) => <Time at={recorded_at} /> },
          ]}
        />
      )}
    </Panel>
  );
}
