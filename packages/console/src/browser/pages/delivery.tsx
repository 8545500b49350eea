import type { components } from "@counterfoil/client";
import { useState } from "preact/hooks";
import { Badge } from "../components/badge.tsx";
import { CopyButton } from "../components/copy-button.tsx";
import { EventsTable } from "../components/events-table.tsx";
import { EventLink, SubjectLink } from "../components/links.tsx";
import { Facts, Id, Panel } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { Time } from "../components/time.tsx";
import { type PageProps, useTitle } from "../page.ts";
import { prettyJson } from "../pretty-json.ts";
import { ofModels, useResource } from "../resource.ts";
import { hasKey } from "../session.ts";

type Delivery = components["schemas"]["Delivery"];

/** The chain from the bytes to what they caused. */
export function DeliveryPage({ parameters: { id = "" } }: PageProps) {
  useTitle("Delivery");
  const found = useResource(
    `delivery ${id}`,
    (client, signal) => client.getDelivery({ id }, { signal }),
    ofModels("balances"),
  );
  return (
    <>
      <div class="heading">
        <h1>Delivery</h1>
        <p class="lead">
          <Id>{id}</Id>
        </p>
      </div>
      <div class="panels">
        <Panel title="How it came" class="wide">
          <Loaded resource={found}>{({ data }) => <Arrival delivery={data} />}</Loaded>
        </Panel>
        <Body id={id} />
        <Panel title="What it caused" class="wide">
          <Loaded resource={found}>{({ data }) => <Caused delivery={data} />}</Loaded>
        </Panel>
      </div>
    </>
  );
}

type Checked = Readonly<{ scheme?: string; key_id?: string; key?: string; verdict?: string }>;
type Verdict = Readonly<{ signature?: string; scheme?: string; evidence?: readonly Checked[] }>;

/** Which keys were checked with: one of them may have signed in several headers. */
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

/** Beyond, a page would take long to lay out: the exact bytes can be fetched. */
const SHOWN_MAX = 256 * 1024;

function Body({ id }: Readonly<{ id: string }>) {
  const [isExact, setExact] = useState(false);
  const body = useResource(`body ${id}`, async (client, signal) => {
    const bytes = await client.getDeliveryBody({ id }, { signal });
    return { length: bytes.length, text: new TextDecoder().decode(bytes.subarray(0, SHOWN_MAX)) };
  });
  const aside = (
    <span class="actions">
      <button type="button" onClick={() => setExact(!isExact)}>
        {isExact ? "In lines" : "Exact"}
      </button>{" "}
      <CopyButton text={curlOf(id)}>Copy as curl</CopyButton>
    </span>
  );
  return (
    <Panel title="The signed bytes" class="wide" aside={aside}>
      <Loaded resource={body}>
        {({ length, text }) => (
          <>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: who has no mouse moves it by the keyboard. */}
            <pre class="body" tabIndex={0}>
              {isExact || length > SHOWN_MAX ? text : prettyJson(text)}
            </pre>
            {length > SHOWN_MAX && (
              <p class="quiet">
                These are the first {SHOWN_MAX} of {length} bytes; the command above fetches all.
              </p>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

/** The key itself is never copied anywhere. */
function curlOf(id: string): string {
  const url = `${location.origin}/v1/deliveries/${encodeURIComponent(id)}/body`;
  const key = hasKey.value ? ' -H "Authorization: Bearer $COUNTERFOIL_KEY"' : "";
  return `curl -o body${key} '${url}'`;
}

function Caused({ delivery: { facts } }: Readonly<{ delivery: Delivery }>) {
  if (facts.length === 0) return <Empty>Nothing new: whatever it says was known already.</Empty>;
  const subjects = [...new Set(facts.map(({ subject }) => subject))];
  return (
    <>
      <EventsTable label="Facts of this delivery" events={facts} />
      <p class="quiet">
        On Kafka they are records of the events topic, under these keys:{" "}
        {subjects.map((subject, at) => (
          <>
            {at > 0 && ", "}
            <SubjectLink key={subject} subject={subject} />
          </>
        ))}
      </p>
    </>
  );
}
