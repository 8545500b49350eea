import type { components } from "@counterfoil/client";
import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { CopyButton } from "../components/actions.tsx";
import { Facts, Filters, Heading, Id, ListPanel, Panel, Table } from "../components/panel.tsx";
import { Badge, DeliveryLink, EventLink, SubjectLink, Time } from "../components/values.tsx";
import { prettyJson } from "../pretty-json.ts";
import { Empty, Loaded, useResource } from "../resource.tsx";
import { type PageProps, query, queryGiven } from "../router.ts";
import { hasKey } from "../session.ts";
import { EventsTable } from "./stream.tsx";

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

const ON_A_PAGE = 50;

/** What waits in quarantine is known to a model; everything that came is on the stream. */
const SOURCES = ["stream", "balances"] as const;

/** What the providers sent, newest first. */
export function DeliveriesPage() {
  const request = { limit: ON_A_PAGE, ...queryGiven() } as never;
  const sources = ["quarantined", "dismissed"].includes(query.value.get("outcome") ?? "")
    ? SOURCES
    : SOURCES.slice(0, 1);
  const list = useResource(`deliveries ${query.value}`, sources, (client, signal) =>
    client.listDeliveries(request, { signal }),
  );
  return (
    <>
      <Heading
        title="Deliveries"
        lead="Each is kept byte for byte, with the verdict on its signature."
      />
      <Filters filters={FILTERS} />
      <ListPanel
        title={query.value.get("order") === "asc" ? "Oldest first" : "Newest first"}
        resource={list}
        of={sources}
        empty="No deliveries match."
      >
        {(data) => (
          <Table
            label="Deliveries"
            rows={data}
            keyOf={({ delivery_id }) => delivery_id}
            columns={[
              {
                title: "delivery",
                cell: ({ delivery_id }) => <DeliveryLink id={delivery_id} text={delivery_id} />,
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
      </ListPanel>
    </>
  );
}

type Delivery = components["schemas"]["Delivery"];

/** One delivery: its arrival, its bytes, and the facts from it. */
export function DeliveryPage({ parameters: { id = "" } }: PageProps) {
  const found = useResource(`delivery ${id}`, ["stream"], (client, signal) =>
    client.getDelivery({ id }, { signal }),
  );
  return (
    <>
      <Heading title="Delivery" lead={<Id>{id}</Id>} />
      <div class="panels">
        <Panel title="Arrival" class="wide">
          <Loaded resource={found}>{({ data }) => <Arrival delivery={data} />}</Loaded>
        </Panel>
        <Body id={id} />
        <Panel title="Recorded facts" class="wide">
          <Loaded resource={found}>{({ data }) => <RecordedFacts delivery={data} />}</Loaded>
        </Panel>
      </div>
    </>
  );
}

type Checked = Readonly<{ scheme?: string; key_id?: string; key?: string; verdict?: string }>;
type Verdict = Readonly<{ signature?: string; scheme?: string; evidence?: readonly Checked[] }>;

/** The keys of the checked signatures, each once: one key may have signed several headers. */
function keysOf(evidence: readonly Checked[]) {
  const keys = evidence.map(
    ({ scheme = "checked", key_id, key }) => [`key of ${scheme}`, key_id ?? key] as const,
  );
  return [...new Map(keys.map((each) => [each.join(" "), each])).values()];
}

function Arrival({ delivery: { received } }: Readonly<{ delivery: Delivery }>) {
  const { data } = received;
  const text = (name: string) => (typeof data[name] === "string" ? data[name] : null);
  const { signature = "none", scheme, evidence = [] } = (data.verdict ?? {}) as Verdict;
  return (
    <Facts
      of={[
        ["provider", text("provider")],
        ["channel", text("channel")],
        ["payload type", text("payload_type")],
        ["received", <Time key="r" at={text("received_at")} />],
        ["recorded at position", <EventLink key="p" position={received.position} />],
        ["signature", <Badge key="s" word={signature} tone={TONES[signature] ?? "quiet"} />],
        ["scheme", scheme],
        ...keysOf(evidence),
        ["notification id", text("notification_id")],
        ["request id", received.correlation_id],
        ["bytes", String(data.length ?? "–")],
        ["SHA-256", <Id key="d">{text("sha256") ?? "–"}</Id>],
      ]}
    />
  );
}

const TONES = { valid: "good", stale: "warn", unsigned: "warn" } as Readonly<
  Record<string, "good" | "warn">
>;

/** Larger bodies are cut, because the browser would take long to lay them out. */
const SHOWN_MAX = 256 * 1024;

function Body({ id }: Readonly<{ id: string }>) {
  const [isExact, setExact] = useState(false);
  // The bytes never change.
  const body = useResource(`body ${id}`, [], async (client, signal) => {
    const bytes = await client.getDeliveryBody({ id }, { signal });
    return { length: bytes.length, text: new TextDecoder().decode(bytes.subarray(0, SHOWN_MAX)) };
  });
  const aside = (
    <span class="actions">
      <button type="button" onClick={() => setExact(!isExact)}>
        {isExact ? "Indented" : "Exact"}
      </button>{" "}
      <CopyButton text={curlOf(id)}>Copy as curl</CopyButton>
    </span>
  );
  return (
    <Panel title="The signed bytes" class="wide" aside={aside}>
      <Loaded resource={body}>
        {({ length, text }) => (
          <>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it. */}
            <pre class="body" tabIndex={0}>
              {isExact || length > SHOWN_MAX ? text : prettyJson(text)}
            </pre>
            {length > SHOWN_MAX && (
              <p class="quiet">
                These are the first {SHOWN_MAX} of {length} bytes; the curl command fetches all.
              </p>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

/** The command refers to a variable, so that the key itself is never copied. */
function curlOf(id: string): string {
  const url = `${location.origin}/v1/deliveries/${encodeURIComponent(id)}/body`;
  const key = hasKey.value ? ' -H "Authorization: Bearer $COUNTERFOIL_KEY"' : "";
  return `curl -o body${key} '${url}'`;
}

function RecordedFacts({ delivery: { facts } }: Readonly<{ delivery: Delivery }>) {
  if (facts.length === 0) return <Empty>None: everything in it was already known.</Empty>;
  const subjects = [...new Set(facts.map(({ subject }) => subject))];
  return (
    <>
      <EventsTable label="Facts of this delivery" events={facts} />
      <p class="quiet">
        On Kafka they are records of the events topic, under these keys:{" "}
        {subjects.map((subject, at) => (
          <Fragment key={subject}>
            {at > 0 && ", "}
            <SubjectLink subject={subject} />
          </Fragment>
        ))}
      </p>
    </>
  );
}
