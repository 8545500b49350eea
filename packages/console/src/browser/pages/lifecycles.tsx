import type { components } from "@counterfoil/client";
import { type Column, type Filter, Filters, ListPanel, Table } from "../components/panel.tsx";
import { amountColumn, Badge, Time } from "../components/values.tsx";
import { ofModels, type Resource, useResource } from "../resource.tsx";
import { givenBy, pathTo, query, useTitle } from "../router.ts";
import { LinkWord, type Model, STAGES, type Transfer } from "./lifecycle-stages.tsx";

type Trade = components["schemas"]["Trade"];

const filtersOf = (model: Model): readonly Filter[] => [
  {
    name: "stage",
    title: "Stage",
    choices: [...STAGES[model].forward, ...STAGES[model].otherwise],
  },
  { name: "asset", title: "Asset" },
  { name: "participant_code", title: "Participant" },
  { name: "account_group", title: "Group" },
  {
    name: "stuck",
    title: "Stuck",
    choices: [
      ["true", "stuck"],
      ["false", "not stuck"],
    ],
  },
];

const NAMES = ["stage", "asset", "participant_code", "account_group", "stuck", "cursor"] as const;
const ON_A_PAGE = 50;

const request = () => ({ ...givenBy(NAMES), limit: ON_A_PAGE }) as never;

export function WithdrawalsPage() {
  const list = useResource(
    `withdrawals ${query.value}`,
    (client, signal) => client.listWithdrawals(request(), { signal }),
    ofModels("withdrawals"),
  );
  return (
    <List
      model="withdrawals"
      title="Withdrawals"
      list={list}
      columnsOf={transferColumns("withdrawal")}
    />
  );
}

export function DepositsPage() {
  const list = useResource(
    `deposits ${query.value}`,
    (client, signal) => client.listDeposits(request(), { signal }),
    ofModels("deposits"),
  );
  return (
    <List model="deposits" title="Deposits" list={list} columnsOf={transferColumns("deposit")} />
  );
}

export function TradesPage() {
  const list = useResource(
    `trades ${query.value}`,
    (client, signal) => client.listTrades(request(), { signal }),
    ofModels("trades"),
  );
  return <List model="trades" title="Trades" list={list} columnsOf={tradeColumns} />;
}

type Page<Row> = Readonly<{ data: readonly Row[]; next_cursor: string | null; position: string }>;

type ListProps<Row> = Readonly<{
  model: Model;
  title: string;
  list: Resource<Page<Row>>;
  columnsOf: (rows: readonly Row[]) => readonly Column<Row>[];
}>;

function List<Row extends Readonly<{ id: string }>>({
  model,
  title,
  list,
  columnsOf,
}: ListProps<Row>) {
  useTitle(title);
  return (
    <>
      <div class="heading">
        <h1>{title}</h1>
      </div>
      <Filters filters={filtersOf(model)} />
      <ListPanel title="Last changed first" resource={list} empty={`No ${model} match.`}>
        {(data) => (
          <Table label={title} rows={data} keyOf={({ id }) => id} columns={columnsOf(data)} />
        )}
      </ListPanel>
    </>
  );
}

const transferColumns =
  (name: "withdrawal" | "deposit") =>
  (rows: readonly Transfer[]): readonly Column<Transfer>[] => [
    {
      title: name,
      cell: ({ id }) => (
        <a class="id" href={pathTo(name, { id })}>
          {id}
        </a>
      ),
    },
    amountColumn("amount", rows, ({ amount }) => amount),
    { title: "asset", cell: ({ asset }) => asset ?? "–" },
    {
      title: "stage",
      cell: ({ stage, stuck }) => (
        <>
          <Badge word={stage} /> {stuck === true && <Badge word="stuck" />}
        </>
      ),
    },
    { title: "participant", minor: true, cell: (row) => row.participant_code ?? "–" },
    { title: "link", minor: true, cell: ({ link }) => <LinkWord link={link} /> },
    { title: "changed", minor: true, cell: ({ updated_at }) => <Time at={updated_at} /> },
  ];

const tradeColumns = (_rows: readonly Trade[]): readonly Column<Trade>[] => [
  {
    title: "trade",
    cell: ({ id }) => (
      <a class="id" href={pathTo("trade", { id })}>
        {id}
      </a>
    ),
  },
  { title: "stage", cell: ({ stage }) => <Badge word={stage} /> },
  { title: "provider status", cell: (row) => row.provider_status ?? "–" },
  { title: "changed", minor: true, cell: ({ updated_at }) => <Time at={updated_at} /> },
];
