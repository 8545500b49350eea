import type { AnswerOf, components } from "@counterfoil/client";
import { useState } from "preact/hooks";
import { DeliveryLink, EventLink, RunLink } from "../components/links.tsx";
import { ListPanel, Table } from "../components/panel.tsx";
import { Amount, amountColumn, Badge, fractionOf, Time } from "../components/values.tsx";
import { ofRecord, useResource } from "../resource.tsx";
import { givenBy, momentGiven, query } from "../router.ts";

type Balance = components["schemas"]["Balance"];
export type Entry = components["schemas"]["Entry"];
type Run = Extract<Entry, { kind: "run" }>;
type Gap = Extract<Entry, { kind: "gap" }>;
type Contradiction = Extract<Entry, { kind: "contradiction" }>;
export type EntryPage = AnswerOf<"listEntries">;

const ON_A_PAGE = 50;

/** The account's history, newest first; each run expands to its movements. */
export function Entries({ account: { id } }: Readonly<{ account: Balance }>) {
  const request = { ...momentGiven(), ...givenBy(["cursor"]), limit: ON_A_PAGE };
  const page = useResource(
    `entries ${id} ${query.value}`,
    (client, signal) => client.listEntries({ id, ...request, order: "desc" }, { signal }),
    ofRecord("balances", id),
  );
  return (
    <ListPanel
      title="History"
      aside="newest first"
      resource={page}
      lines={8}
      empty="Nothing was reported about this account until then."
    >
      {(data) => <EntryTable entries={data} />}
    </ListPanel>
  );
}

function EntryTable({ entries }: Readonly<{ entries: readonly Entry[] }>) {
  const [expanded, setExpanded] = useState<ReadonlySet<string>>(new Set());
  const names = new Map(entries.map((entry, at) => [entry, `${at} ${entry.kind}`]));
  const nameOf = (entry: Entry) => names.get(entry) ?? "";
  const toggle = (name: string) => {
    const next = new Set(expanded);
    if (!next.delete(name)) next.add(name);
    setExpanded(next);
  };
  return (
    <Table
      label="History"
      rows={entries}
      keyOf={nameOf}
      classOf={({ kind }) => `entry ${kind}`}
      below={(entry) => {
        if (entry.kind === "contradiction") return <Contradicted entry={entry} />;
        return entry.kind === "run" && expanded.has(nameOf(entry)) ? (
          <Movements run={entry} />
        ) : null;
      }}
      columns={[
        { title: "effective", cell: (entry) => <Time at={timeOf(entry)} /> },
        {
          title: "entry",
          cell: (entry) => (
            <EntryText
              entry={entry}
              isExpanded={expanded.has(nameOf(entry))}
              toggle={() => toggle(nameOf(entry))}
            />
          ),
        },
        amountColumn("change", entries, changeOf, { signed: true }),
        amountColumn("balance", entries, balanceOf),
        { title: "delivery", minor: true, cell: (entry) => <Source entry={entry} /> },
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

export const timeOf = (entry: Entry): string | null =>
  entry.kind === "gap" ? entry.opened_at : entry.effective_at;

function changeOf(entry: Entry): string | null | undefined {
  if (entry.kind === "gap") return entry.missing_amount;
  return entry.kind === "run" ? entry.change : undefined;
}

export function balanceOf(entry: Entry): string | null | undefined {
  if (entry.kind === "gap" || entry.kind === "contradiction") return undefined;
  return entry.balance;
}

const Source = ({ entry }: Readonly<{ entry: Entry }>) =>
  "delivery_id" in entry ? <DeliveryLink id={entry.delivery_id} /> : null;

type EntryTextProps = Readonly<{ entry: Entry; isExpanded: boolean; toggle: () => void }>;

function EntryText({ entry, isExpanded, toggle }: EntryTextProps) {
  switch (entry.kind) {
    case "opening":
      return <span class="quiet">balance before the first report</span>;
    case "snapshot":
      return (
        <>
          snapshot <Marks entry={entry} />
        </>
      );
    case "gap":
      return <GapText gap={entry} />;
    case "contradiction":
      return (
        <>
          <Badge word="contradiction" /> of run {entry.run_id ?? "–"}
        </>
      );
    case "run":
      return (
        <>
          {entry.movement_count > 0 && (
            <button
              type="button"
              class="fold"
              aria-expanded={isExpanded}
              aria-label={`${entry.movement_count} movements of run ${entry.run_id}`}
              onClick={toggle}
            >
              {isExpanded ? "▾" : "▸"} {entry.movement_count}
            </button>
          )}{" "}
          {entry.run_type ?? "run"} <RunLink id={entry.run_id} /> <Marks entry={entry} />
        </>
      );
  }
}

const Marks = ({ entry }: Readonly<{ entry: Extract<Entry, { late: boolean }> }>) => (
  <>
    {entry.late && <Badge word="late" />} {entry.corrected && <Badge word="corrected" />}
    {entry.occurred_at !== null && entry.occurred_at !== entry.effective_at && (
      <span class="quiet">
        {" "}
        dated <Time at={entry.occurred_at} />
      </span>
    )}
  </>
);

function GapText({ gap }: Readonly<{ gap: Gap }>) {
  const { closed_position, after_run_id, before_run_id } = gap;
  const isOpen = closed_position === null;
  return (
    <>
      <Badge word={isOpen ? "gap" : "gap, closed"} tone={isOpen ? "bad" : "quiet"} />{" "}
      <span class={isOpen ? "" : "quiet"}>
        between run {after_run_id ?? "none"} and run {before_run_id ?? "none"}
        {closed_position !== null && ` until position ${closed_position}`}
      </span>
    </>
  );
}

function Contradicted({ entry: { stated, contradicted_by } }: Readonly<{ entry: Contradiction }>) {
  return (
    <div class="unfolded">
      recorded <code>{JSON.stringify(stated)}</code>, a second copy states{" "}
      <code>{JSON.stringify(contradicted_by)}</code>
    </div>
  );
}

/** The run's movements; of very many, the first ones by id. */
function Movements({ run: { movements, movement_count } }: Readonly<{ run: Run }>) {
  const fraction = fractionOf(movements.map(({ change }) => change));
  return (
    <ul class="unfolded movements">
      {movements.map((movement) => (
        <li key={movement.movement_id}>
          <Amount value={movement.change} fraction={fraction} signed />
          <span>{(movement.movement_type ?? "movement").replaceAll("_", " ")}</span>
          <code class="id">{movement.movement_id}</code>
          {movement.corrected && <Badge word="corrected" />}
          {movement.withdrawal_request_id !== null && (
            <a href={`/withdrawals/${encodeURIComponent(movement.withdrawal_request_id)}`}>
              withdrawal {movement.withdrawal_request_id}
            </a>
          )}
          {movement.trade_id !== null && (
            <a href={`/trades/${encodeURIComponent(movement.trade_id)}`}>
              trade {movement.trade_id}
            </a>
          )}
          {movement.deposit_reference_id !== null && (
            <code class="id">deposit {movement.deposit_reference_id}</code>
          )}
        </li>
      ))}
      {movement_count > movements.length && (
        <li class="quiet">{movement_count - movements.length} more</li>
      )}
    </ul>
  );
}
