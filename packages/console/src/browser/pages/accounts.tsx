import type { components, ParametersOf } from "@counterfoil/client";
import { useState } from "preact/hooks";
import { Explained } from "../components/explained.tsx";
import { Facts, Filters, Heading, Id, ListPanel, Table } from "../components/panel.tsx";
import {
  AccountLink,
  AccountName,
  Amount,
  amountColumn,
  Badge,
  Candidates,
  DeliveryLink,
  EventLink,
  RunLink,
  Time,
} from "../components/values.tsx";
import { Failed, Loaded, useResource } from "../resource.tsx";
import { isPast, momentGiven, type PageProps, pathTo, query, queryGiven } from "../router.ts";
import { countOf, fractionOf, uniqueNames } from "../text.ts";
import { BalanceOverTime, balanceOf, type Entry, MomentForm, timeOf } from "./account-history.tsx";

const FILTERS = [
  { name: "provider", title: "Provider", choices: ["zerohash", "layer1"] },
  { name: "participant_code", title: "Participant" },
  { name: "account_group", title: "Group" },
  { name: "account_label", title: "Label" },
  { name: "account_type", title: "Type" },
  { name: "asset", title: "Asset" },
] as const;

const ON_A_PAGE = 50;
const SOURCES = ["balances"] as const;

/** All accounts with their balances, page by page. */
export function AccountsPage() {
  const request = { limit: ON_A_PAGE, ...queryGiven() } as ParametersOf<"listBalances">;
  const list = useResource(`accounts ${query.value}`, SOURCES, (client, signal) =>
    client.listBalances(request, { signal }),
  );
  return (
    <>
      <Heading title="Accounts" hasMoment={true} />
      <Filters filters={FILTERS} />
      <ListPanel title="Balances" resource={list} of={SOURCES} empty="No accounts match.">
        {(data) => (
          <Table
            label="Balances"
            rows={data}
            keyOf={({ id }) => id}
            columns={[
              {
                title: "account",
                cell: ({ id }) => <AccountLink id={id} />,
              },
              amountColumn("balance", data, ({ balance }) => balance),
              { title: "asset", cell: ({ asset }) => asset },
              { title: "status", cell: ({ status }) => <Badge word={status} /> },
              {
                title: "open gaps",
                kind: "number",
                minor: true,
                cell: ({ open_gaps: count }) =>
                  count === 0 ? <span class="quiet">0</span> : <b class="bad">{count}</b>,
              },
              {
                title: "last report",
                minor: true,
                cell: ({ updated_at }) => <Time at={updated_at} />,
              },
            ]}
          />
        )}
      </ListPanel>
    </>
  );
}

type Balance = components["schemas"]["Balance"];

/** One account: its balance, its history, and its balance at any time. */
export function AccountPage({ parameters: { id = "" } }: PageProps) {
  const request = queryGiven(["cursor"]);
  const moment = momentGiven();
  const account = useResource(
    `account ${id} ${JSON.stringify(request)}`,
    SOURCES,
    async (client, signal) => {
      const { data, position } = await client.getAccount({ ...request, id }, { signal });
      return { data, position, isPast: isPast(moment) };
    },
  );
  return (
    <>
      <Heading title={id} class="account" hasMoment={true}>
        <AccountName id={id} />
      </Heading>
      {account.state === "failed" ? (
        <>
          {isPast(moment) && <MomentForm />}
          <Failed {...account} />
          <Candidates name="account" ids={account.failure.candidates} />
        </>
      ) : (
        <Loaded resource={account} lines={3}>
          {({ data, position, isPast }) => (
            <>
              <Head balance={data} position={position} isPast={isPast} />
              <BalanceOverTime account={data} />
              <Entries account={data} />
              <Explained kind="balance" id={data.id} moment={moment} />
            </>
          )}
        </Loaded>
      )}
    </>
  );
}

type HeadProps = Readonly<{ balance: Balance; position: string; isPast: boolean }>;

function Head({ balance: account, position, isPast }: HeadProps) {
  const { balance, asset, status, open_gaps } = account;
  return (
    <section class={`verdict ${status === "continuous" ? "good" : "bad"}`} aria-label="The balance">
      <p class="answer">
        <Amount value={balance} asset={asset} />
      </p>
      <p>
        <Badge word={status} />{" "}
        {open_gaps > 0 && <b class="bad">{countOf(open_gaps, "open gap")}</b>}{" "}
        <span class="quiet">
          {isPast ? "as of then, by" : "by"} the facts up to position {position}
        </span>
      </p>
      <Facts
        of={[
          ["participant", linkTo("participant_code", account.participant_code)],
          ["group", linkTo("account_group", account.account_group)],
          ["label", account.account_label],
          ["type", account.account_type],
          ["address", account.address && <Id>{account.address}</Id>],
          [
            account.account_ids.length > 1 ? "provider's ids" : "provider's id",
            account.account_ids.map((each) => <Id key={each}>{each}</Id>),
          ],
          ["last run", account.last_run_id],
          ["last report", <Time key="at" at={account.updated_at} />],
        ]}
      />
    </section>
  );
}

const linkTo = (name: string, value: string | null) =>
  value && <a href={pathTo("accounts", {}, { [name]: value })}>{value}</a>;

type Run = Extract<Entry, { kind: "run" }>;
type Gap = Extract<Entry, { kind: "gap" }>;
type Contradiction = Extract<Entry, { kind: "contradiction" }>;

/** The account's history, newest first; each run expands to its movements. */
function Entries({ account: { id } }: Readonly<{ account: Balance }>) {
  const request = { limit: ON_A_PAGE, ...queryGiven(), id, order: "desc" } as const;
  const page = useResource(`entries ${id} ${query.value}`, SOURCES, (client, signal) =>
    client.listEntries(request, { signal }),
  );
  return (
    <ListPanel
      title="History"
      aside="newest first"
      resource={page}
      of={SOURCES}
      lines={8}
      empty="Nothing was reported about this account until then."
    >
      {(data) => <EntryTable entries={data} />}
    </ListPanel>
  );
}

function EntryTable({ entries }: Readonly<{ entries: readonly Entry[] }>) {
  const [expanded, setExpanded] = useState<ReadonlySet<string>>(new Set());
  const names = uniqueNames(entries, (entry) =>
    entry.kind === "run" ? `run ${entry.run_id}` : `${entry.kind} ${entry.position}`,
  );
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

function changeOf(entry: Entry): string | null | undefined {
  if (entry.kind === "gap") return entry.missing_amount;
  return entry.kind === "run" ? entry.change : undefined;
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
          <Badge word="contradiction" /> of run <bdi>{entry.run_id ?? "–"}</bdi>
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
              aria-label={`${countOf(entry.movement_count, "movement")} of run ${entry.run_id}`}
              onClick={toggle}
            >
              {isExpanded ? "▾" : "▸"} {entry.movement_count}
            </button>
          )}{" "}
          <bdi>{entry.run_type ?? "run"}</bdi> <RunLink id={entry.run_id} /> <Marks entry={entry} />
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
        between run <bdi>{after_run_id ?? "none"}</bdi> and run <bdi>{before_run_id ?? "none"}</bdi>
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
            <a href={pathTo("withdrawal", { id: movement.withdrawal_request_id })}>
              withdrawal {movement.withdrawal_request_id}
            </a>
          )}
          {movement.trade_id !== null && (
            <a href={pathTo("trade", { id: movement.trade_id })}>trade {movement.trade_id}</a>
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
