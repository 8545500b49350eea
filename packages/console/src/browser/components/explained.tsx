import type { components } from "@counterfoil/client";
import { useState } from "preact/hooks";
import { Loaded, None, useResource } from "../resource.tsx";
import { isPast, type Moment } from "../router.ts";
import { withoutDirections } from "../text.ts";
import { Panel, Table } from "./panel.tsx";
import { Badge, DeliveryLink, EventLink, type Tone } from "./values.tsx";

type Explanation = components["schemas"]["Explanation"];
type Fact = Explanation["facts"][number];
type Delivery = Explanation["deliveries"][number];

type ExplainedProps = Readonly<{
  kind: "balance" | "withdrawal" | "deposit" | "trade";
  id: string;
  /** The moment of the value to explain. */
  moment?: Moment;
}>;

/** Explains a value fact by fact, down to the signed deliveries. Loaded when it is opened. */
export function Explained(props: ExplainedProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Panel
      title="Explanation"
      aside={
        <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Hide" : "Show the deciding facts"}
        </button>
      }
    >
      {isOpen ? <Facts {...props} /> : null}
    </Panel>
  );
}

const MODEL_OF = {
  balance: "balances",
  withdrawal: "withdrawals",
  deposit: "deposits",
  trade: "trades",
} as const;

function Facts({ kind, id, moment = {} }: ExplainedProps) {
  const key = `explain ${kind} ${id} ${JSON.stringify(moment)}`;
  const found = useResource(key, [MODEL_OF[kind]], (client, signal) =>
    client.explain({ kind, id, ...moment }, { signal }),
  );
  return (
    <Loaded resource={found} lines={6}>
      {({ facts, deliveries, position, next_cursor }) => {
        const byId = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
        return facts.length === 0 ? (
          <None of={[MODEL_OF[kind]]}>There are no facts about it.</None>
        ) : (
          <>
            <FactTable facts={facts} deliveries={byId} />
            {next_cursor !== null && (
              <p class="quiet">
                These are the newest {facts.length} facts.{" "}
                <Older {...{ kind, id, moment, position }} />
              </p>
            )}
          </>
        );
      }}
    </Loaded>
  );
}

type OlderProps = Required<ExplainedProps> & Readonly<{ position: string }>;

/** Where the older facts of the same value are. The command knows no time of effect. */
function Older({ kind, id, moment, position }: OlderProps) {
  if (moment.as_of !== undefined) {
    const address = `/v1/explain/${kind}/${encodeURIComponent(id)}?${new URLSearchParams(moment)}`;
    return (
      <>
        <code>GET {address}</code> answers with the same ones, and with the cursor of the older
        ones.
      </>
    );
  }
  const at = isPast(moment) ? ` --at ${position}` : "";
  return (
    <>
      <code>{`counterfoil explain ${kind} ${asArgument(id)}${at}`}</code> prints the same ones, and
      then the <code>--cursor</code> with which it prints older ones.
    </>
  );
}

/** A provider chooses parts of an id: what a shell would read otherwise is quoted. */
const asArgument = (id: string): string =>
  /^[\w:.%@+-]+$/.test(id) ? id : `'${id.replaceAll("'", "'\\''")}'`;

const TONES: Readonly<Record<Fact["role"], Tone>> = {
  decides: "good",
  confirms: "busy",
  repeats: "quiet",
  superseded: "quiet",
};

type FactTableProps = Readonly<{
  facts: readonly Fact[];
  deliveries: ReadonlyMap<string, Delivery>;
}>;

function FactTable({ facts, deliveries }: FactTableProps) {
  return (
    <Table
      label="Facts"
      rows={facts}
      keyOf={({ event_id }) => event_id}
      columns={[
        { title: "role", cell: ({ role }) => <Badge word={role} tone={TONES[role]} /> },
        {
          title: "reason",
          cell: ({ sentence }) => <span class="sentence">{withoutDirections(sentence)}</span>,
        },
        {
          title: "source",
          cell: ({ delivery_ids }) => (
            <ul class="sources">
              {delivery_ids.map((id) => (
                <li key={id}>
                  <DeliveryLink id={id} /> <Signed by={deliveries.get(id)} />
                </li>
              ))}
            </ul>
          ),
        },
        {
          title: "position",
          kind: "number",
          minor: true,
          cell: ({ position }) => <EventLink position={position} />,
        },
      ]}
    />
  );
}

function Signed({ by }: Readonly<{ by: Delivery | undefined }>) {
  if (by === undefined) return null;
  const { channel, signature, scheme, body } = by;
  return (
    <span class="quiet">
      {channel}, {signature === "none" ? "unsigned channel" : `${signature} ${scheme ?? ""}`}
      {body === "gone" && ", bytes no longer stored"}
    </span>
  );
}
