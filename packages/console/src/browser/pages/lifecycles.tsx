import type { AnswerOf, Client, components } from "@counterfoil/client";
import { type AddressName, isDots } from "../../addresses.ts";
import { Explained } from "../components/explained.tsx";
import {
  type Column,
  Facts,
  type Filter,
  Filters,
  Heading,
  ListPanel,
  Panel,
  Table,
} from "../components/panel.tsx";
import { Amount, amountColumn, Badge, Candidates, Named, Time } from "../components/values.tsx";
import { Failed, Loaded, Refusal, type Resource, useResource } from "../resource.tsx";
import { type Moment, momentGiven, type PageProps, pathTo, query, queryGiven } from "../router.ts";
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

const ON_A_PAGE = 50;

const request = () => ({ limit: ON_A_PAGE, ...queryGiven() }) as never;

export function WithdrawalsPage() {
  const list = useResource(`withdrawals ${query.value}`, ["withdrawals"], (client, signal) =>
    client.listWithdrawals(request(), { signal }),
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
  const list = useResource(`deposits ${query.value}`, ["deposits"], (client, signal) =>
    client.listDeposits(request(), { signal }),
  );
  return (
    <List model="deposits" title="Deposits" list={list} columnsOf={transferColumns("deposit")} />
  );
}

export function TradesPage() {
  const list = useResource(`trades ${query.value}`, ["trades"], (client, signal) =>
    client.listTrades(request(), { signal }),
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
  return (
    <>
      <Heading title={title} hasMoment={true} />
      <Filters filters={filtersOf(model)} />
      <ListPanel
        title={query.value.has("as_of") ? "Last opened first" : "Last changed first"}
        resource={list}
        of={[model]}
        empty={`No ${model} match.`}
      >
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
  load: (client: Client, request: Request, signal: AbortSignal) => PromiseLike<One>;
  /** Finds the records that have an id. */
  find: (client: Client, request: Found, signal: AbortSignal) => PromiseLike<Page<One["data"]>>;
}>;

type Request = Moment & Readonly<{ id: string }>;
type Found = Moment & Readonly<{ identifier: string; limit: number }>;

const WITHDRAWAL: Kind = {
  model: "withdrawals",
  name: "withdrawal",
  explained: "withdrawal",
  title: "Withdrawal",
  load: (client, request, signal) => client.getWithdrawal(request, { signal }),
  find: (client, request, signal) => client.listWithdrawals(request, { signal }),
};
const DEPOSIT: Kind = {
  model: "deposits",
  name: "deposit",
  explained: "deposit",
  title: "Deposit",
  load: (client, request, signal) => client.getDeposit(request, { signal }),
  find: (client, request, signal) => client.listDeposits(request, { signal }),
};
const TRADE: Kind = {
  model: "trades",
  name: "trade",
  explained: "trade",
  title: "Trade",
  load: (client, request, signal) => client.getTrade(request, { signal }),
  find: (client, request, signal) => client.listTrades(request, { signal }),
};

export const WithdrawalPage = (props: PageProps) => <LifecyclePage kind={WITHDRAWAL} {...props} />;
export const DepositPage = (props: PageProps) => <LifecyclePage kind={DEPOSIT} {...props} />;
export const TradePage = (props: PageProps) => <LifecyclePage kind={TRADE} {...props} />;

/** One record with its timeline and identifiers. */
function LifecyclePage({ kind, parameters: { id = "" } }: PageProps & Readonly<{ kind: Kind }>) {
  const { model, title } = kind;
  const moment = queryGiven(["history", "cursor"]);
  const record = useResource(
    `${model} ${id} ${JSON.stringify(moment)}`,
    [model],
    (client, signal) => load(client, { kind, id, moment, signal }),
  );
  return (
    <>
      <Heading title={`${title} ${id}`} class="account" hasMoment={true}>
        {title} <span class="id">{id}</span>
      </Heading>
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

type LoadRequest = Readonly<{ kind: Kind; id: string; moment: Moment; signal: AbortSignal }>;

/** A browser cannot ask for a record with an id of dots, whose path it takes for another one. */
async function load(client: Client, { kind, id, moment, signal }: LoadRequest): Promise<One> {
  if (!isDots(id)) return kind.load(client, { ...moment, id }, signal);
  const request = { ...moment, identifier: id, limit: 1 };
  const { data, position } = await kind.find(client, request, signal);
  const [record] = data;
  if (record === undefined) throw new Refusal(`there is no ${kind.name} "${id}"`);
  return { data: record, position } as One;
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
      <Explained kind={explained} id={record.id} moment={momentGiven()} />
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
  const { as_of: _, ...known } = momentGiven();
  const found = useResource(
    `anomalies ${model} ${id} ${JSON.stringify(known)}`,
    [model],
    (client, signal) =>
      client.listAnomalies({ ...known, model, subject: id, open: "true" }, { signal }),
  );
  if (found.state === "failed") return <Failed {...found} />;
  if (found.state === "loading" || found.data.data.length === 0) return null;
  return (
    <div class="notice warn" role="status">
      {found.data.data.map(({ id: anomaly, kind, detail }) => (
        <p key={anomaly}>
          <a href={pathTo("anomaly", { id: anomaly })}>
            <Badge word={kind} tone="warn" />
          </a>{" "}
          <Named of={detailsOf(detail)} />
        </p>
      ))}
    </div>
  );
}

const detailsOf = (detail: Readonly<Record<string, unknown>>) =>
  Object.entries(detail)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [name, textOf(value)] as const);

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
