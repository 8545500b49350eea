import type { components } from "@counterfoil/client";
import { EventLink, SubjectLink } from "./links.tsx";
import { Table } from "./list.tsx";
import { Time } from "./time.tsx";

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
    return typeof value === "string" || typeof value === "number" ? [`${name} ${value}`] : [];
  });
  return <span class="wrap quiet">{parts.slice(0, 4).join(", ")}</span>;
}
