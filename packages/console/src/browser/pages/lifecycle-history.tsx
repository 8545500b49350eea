import type { Client, components } from "@counterfoil/client";
import { Badge } from "../components/badge.tsx";
import { DeliveryLink, EventLink } from "../components/links.tsx";
import { Pager } from "../components/pager.tsx";
import { Panel } from "../components/panel.tsx";
import { Loaded } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import { durationText, Time } from "../components/time.tsx";
import { ofRecord, useResource } from "../resource.ts";
import { query, withQuery } from "../router.ts";
import type { LifecycleRecord, Model } from "./lifecycle-words.tsx";

type Entry = components["schemas"]["HistoryEntry"];
type HistoryProps = Readonly<{ model: Model; record: LifecycleRecord }>;

/** What was told, by whom, and what became of it: the newest entries, or all of them from the start. */
export function History(props: HistoryProps) {
  if (query.value.get("history") === "all") return <WholeHistory {...props} />;
  const { history, history_length } = props.record;
  const isPart = history.length < history_length;
  return (
    <Panel
      title="History"
      aside={
        isPart && <a href={withQuery({ history: "all" })}>all {history_length} from the start</a>
      }
    >
      <Entries entries={history} />
    </Panel>
  );
}

const ASK = {
  withdrawals: "listWithdrawalHistory",
  deposits: "listDepositHistory",
  trades: "listTradeHistory",
} as const;

function WholeHistory({ model, record: { id } }: HistoryProps) {
  const cursor = query.value.get("cursor");
  const page = useResource(
    `history ${model} ${id} ${cursor}`,
    (client: Client, signal) =>
      client[ASK[model]]({ id, limit: 100, ...(cursor !== null && { cursor }) }, { signal }),
    ofRecord(model, id),
  );
  return (
    <Panel title="History" aside={<a href={withQuery({ history: null })}>the newest alone</a>}>
      <Loaded resource={page} lines={8}>
        {({ data, next_cursor, position }) => (
          <>
            <Entries entries={data} />
            <Pager next={next_cursor} count={data.length} position={position} />
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function Entries({ entries }: Readonly<{ entries: readonly Entry[] }>) {
  const names = new Map(entries.map((entry, at) => [entry, String(at)]));
  return (
    <Table
      label="History"
      rows={entries}
      keyOf={(entry) => names.get(entry) ?? ""}
      columns={[
        { title: "at", cell: ({ effective_at }) => <Time at={effective_at} /> },
        {
          title: "stage",
          cell: ({ stage, late }) => (
            <>
              {stage === null ? <span class="quiet">unchanged</span> : <Badge word={stage} />}{" "}
              {late && <Badge word="late" />}
            </>
          ),
        },
        { title: "the provider's word", cell: ({ provider_status }) => provider_status },
        { title: "told by", minor: true, cell: ({ source }) => source },
        {
          title: "time in stage",
          kind: "number",
          minor: true,
          cell: ({ seconds_in_stage: seconds }) =>
            seconds === null ? "–" : durationText(Number(seconds)),
        },
        { title: "delivery", cell: ({ delivery_id }) => <DeliveryLink id={delivery_id} /> },
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
