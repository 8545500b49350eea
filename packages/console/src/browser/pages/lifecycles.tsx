import type { AnswerOf, Client, components } from "@counterfoil/client";
import type { AddressName } from "../../addresses.ts";
import { Explained } from "../components/explained.tsx";
import {
  type Column,
  Facts,
  type Filter,
  Filters,
  ListPanel,
  Panel,
  Table,
} from "../components/panel.tsx";
import { Amount, amountColumn, Badge, Candidates, Time } from "../components/values.tsx";
import {
  Failed,
  type Load,
  Loaded,
  ofModels,
  ofRecord,
  type Resource,
  useResource,
} from "../resource.tsx";
import { givenBy, type PageProps, pathTo, query, useTitle } from "../router.ts";
import {
  History,
  Identifiers,
  type LifecycleRecord,
  LinkWord,
  type Model,
  STAGES,
  StageTrack,
  TradedAmount,
  TradeFields,
  type Transfer,
  transferFacts,
} from "./lifecycle-record.tsx";

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

type One = AnswerOf<"getWithdrawal"> | AnswerOf<"getDeposit"> | AnswerOf<"getTrade">;

type Kind = Readonly<{
  model: Model;
  name: AddressName;
  explained: "withdrawal" | "deposit" | "trade";
  title: string;
  load: (client: Client, id: string, signal: AbortSignal) => PromiseLike<One>;
}>;

const WITHDRAWAL: Kind = {
  model: "withdrawals",
  name: "withdrawal",
  explained: "withdrawal",
  title: "Withdrawal",
  load: (client, id, signal) => client.getWithdrawal({ id }, { signal }),
};
const DEPOSIT: Kind = {
  model: "deposits",
  name: "deposit",
  explained: "deposit",
  title: "Deposit",
  load: (client, id, signal) => client.getDeposit({ id }, { signal }),
};
const TRADE: Kind = {
  model: "trades",
  name: "trade",
  explained: "trade",
  title: "Trade",
  load: (client, id, signal) => client.getTrade({ id }, { signal }),
};

export const WithdrawalPage = (props: PageProps) => <LifecyclePage kind={WITHDRAWAL} {...props} />;
export const DepositPage = (props: PageProps) => <LifecyclePage kind={DEPOSIT} {...props} />;
export const TradePage = (props: PageProps) => <LifecyclePage kind={TRADE} {...props} />;

/** One record with its timeline and identifiers. */
function LifecyclePage({ kind, parameters: { id = "" } }: PageProps & Readonly<{ kind: Kind }>) {
  const { model, title } = kind;
  useTitle(`${title} ${id}`);
  const load: Load<One> = (client, signal) => kind.load(client, id, signal);
  const record = useResource(`${model} ${id}`, load, ofRecord(model, id));
  return (
    <>
      <div class="heading">
        <h1 class="account">
          {title} <span class="id">{id}</span>
        </h1>
      </div>
      {record.state === "failed" ? (
        <NotFound kind={kind} failed={record} />
      ) : (
        <Loaded resource={record} lines={8}>
          {({ data }) => <Shown kind={kind} id={id} record={data} />}
        </Loaded>
      )}
    </>
  );
}

type ShownProps = Readonly<{ kind: Kind; id: string; record: LifecycleRecord }>;

function Shown({ kind: { model, name, explained }, id, record }: ShownProps) {
  return (
    <>
      {record.id !== id && (
        <p class="notice quiet">
          Its id is now <a href={pathTo(name, { id: record.id })}>{record.id}</a>.
        </p>
      )}
      <Head record={record} />
      <Panel title="Timeline">
        <StageTrack model={model} record={record} />
      </Panel>
      <Anomalies model={model} id={record.id} />
      <div class="panels apart">
        <History model={model} record={record} />
        {"identifiers" in record ? (
          <Identifiers record={record} />
        ) : (
          <TradeFields record={record} />
        )}
      </div>
      <Explained kind={explained} id={record.id} />
    </>
  );
}

const GOOD: ReadonlySet<string> = new Set(["settled", "credited", "terminated"]);
const BAD: ReadonlySet<string> = new Set(["failed", "rejected", "quarantined"]);

function Head({ record }: Readonly<{ record: LifecycleRecord }>) {
  const { stage, stuck, provider_status } = record;
  const tone = GOOD.has(stage ?? "") ? "good" : BAD.has(stage ?? "") ? "bad" : "quiet";
  return (
    <section class={`verdict ${tone}`} aria-label="The record">
      {"amount" in record && (
        <p class="answer">
          <Amount value={record.amount} asset={record.asset} />
        </p>
      )}
      {"fields" in record && <TradedAmount fields={record.fields} />}
      <p>
        <Badge word={stage} /> {stuck === true && <Badge word="stuck" />}{" "}
        <span class="quiet">provider status: {provider_status ?? "none"}</span>
      </p>
      <Facts
        of={[
          ["opened", <Time key="opened" at={record.opened_at} />],
          ["changed", <Time key="changed" at={record.updated_at} />],
          ...("amount" in record ? transferFacts(record) : []),
        ]}
      />
    </section>
  );
}

function Anomalies({ model, id }: Readonly<{ model: Model; id: string }>) {
  const found = useResource(
    `anomalies ${model} ${id}`,
    (client, signal) => client.listAnomalies({ model, subject: id, open: "true" }, { signal }),
    ofRecord(model, id),
  );
  if (found.state !== "loaded" || found.data.data.length === 0) return null;
  return (
    <div class="notice warn" role="status">
      {found.data.data.map(({ id: anomaly, kind, detail }) => (
        <p key={anomaly}>
          <a href={`/anomalies/${encodeURIComponent(anomaly)}`}>
            <Badge word={kind} tone="warn" />
          </a>{" "}
          {detailText(detail)}
        </p>
      ))}
    </div>
  );
}

const detailText = (detail: Readonly<Record<string, unknown>>): string =>
  Object.entries(detail)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${textOf(value)}`)
    .join(", ");

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value);

type NotFoundProps = Readonly<{ kind: Kind; failed: Parameters<typeof Failed>[0] }>;

function NotFound({ kind: { name }, failed }: NotFoundProps) {
  return (
    <>
      <Failed {...failed} />
      <Candidates name={name} ids={failed.failure.candidates} />
    </>
  );
}
