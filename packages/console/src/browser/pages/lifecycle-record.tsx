import type { components } from "@counterfoil/client";
import { Facts, Id, ListPanel, Panel, Table } from "../components/panel.tsx";
import { Amount, Badge, DeliveryLink, EventLink, Time } from "../components/values.tsx";
import { useResource } from "../resource.tsx";
import { pathTo, query, queryGiven, withQuery } from "../router.ts";
import { durationText, uniqueNames } from "../text.ts";

type Schemas = components["schemas"];
export type Transfer = Schemas["Withdrawal"] | Schemas["Deposit"];
export type LifecycleRecord = Transfer | Schemas["Trade"];
export type Model = "withdrawals" | "deposits" | "trades";

/** The regular stages of a record in order, and the other stages in which it may end. */
export const STAGES = {
  withdrawals: {
    forward: ["requested", "pending", "approved", "broadcast", "confirmed", "settled"],
    otherwise: ["failed", "rejected", "returned"],
  },
  deposits: {
    forward: ["detected", "unconfirmed", "confirmed", "screening", "held", "credited"],
    otherwise: ["failed", "rejected", "quarantined", "returned"],
  },
  trades: { forward: ["accepted", "active", "terminated"], otherwise: [] },
} as const;

/** Whether the provider states that these facts are one transfer, or rules infer it. */
export const LinkWord = ({ link }: Readonly<{ link: string }>) =>
  link === "stated" ? <span class="quiet">stated</span> : <Badge word={link} tone="warn" />;

type Step = Readonly<{
  stage: string;
  /** `skipped`: a later stage was reported, but not this one; `ahead`: this stage may still follow. */
  state: "passed" | "here" | "skipped" | "ahead" | "ended";
  /** When the record entered the stage. */
  at: string | null;
  seconds: number | null;
  isLate: boolean;
}>;

/** The stages of a record, and the time in each. */
export function StageTrack({ model, record }: Readonly<{ model: Model; record: LifecycleRecord }>) {
  const steps = stepsOf(model, record);
  return (
    <ol class="track">
      {steps.map(({ stage, state, at, seconds, isLate }) => (
        <li
          key={stage}
          class={state}
          {...(state === "here" && { "aria-current": "step" as const })}
        >
          <b>{stage}</b>
          {at === null ? <span class="quiet">{WORDS[state]}</span> : <Time at={at} />}
          {seconds !== null && <span class="spent">{durationText(seconds)}</span>}
          {isLate && <span class="quiet">late</span>}
        </li>
      ))}
    </ol>
  );
}

const WORDS: Readonly<Record<Step["state"], string>> = {
  passed: "",
  here: "",
  ended: "",
  skipped: "not reported",
  ahead: "not yet",
};

function stepsOf(model: Model, record: LifecycleRecord): readonly Step[] {
  const { forward, otherwise } = STAGES[model];
  const { stage: current, history } = record;
  const ended = otherwise.filter((stage) => history.some((entry) => entry.stage === stage));
  const all: readonly string[] = [...forward, ...ended];
  const furthest = Math.max(...history.map(({ stage }) => all.indexOf(stage ?? "")));
  return all
    .filter((stage, at) => at <= furthest || !isOver(model, current) || stage === current)
    .map((stage, at) => {
      const entries = history.filter((entry) => entry.stage === stage);
      const spent = entries
        .map(({ seconds_in_stage }) => seconds_in_stage)
        .filter((each) => each !== null);
      return {
        stage,
        state: stateOf({
          stage,
          at,
          current,
          furthest,
          isReported: entries.length > 0,
          isEnd: ended.includes(stage as never),
        }),
        at: entries[0]?.effective_at ?? null,
        // A duration may be rounded, unlike an amount.
        seconds: spent.length === 0 ? null : spent.reduce((sum, each) => sum + Number(each), 0),
        isLate: entries.some(({ late }) => late),
      };
    });
}

type Place = Readonly<{
  stage: string;
  at: number;
  current: string | null;
  furthest: number;
  isReported: boolean;
  isEnd: boolean;
}>;

function stateOf({ stage, at, current, furthest, isReported, isEnd }: Place): Step["state"] {
  if (stage === current) return isEnd ? "ended" : "here";
  if (isReported) return "passed";
  return at < furthest ? "skipped" : "ahead";
}

/** Whether no regular stage can follow. */
function isOver(model: Model, stage: string | null): boolean {
  const { forward, otherwise } = STAGES[model];
  return stage === forward.at(-1) || (otherwise as readonly string[]).includes(stage ?? "");
}

type Entry = components["schemas"]["HistoryEntry"];
type HistoryProps = Readonly<{ model: Model; record: LifecycleRecord }>;

/** The reported statuses and their effect: the newest ones, or all of them, oldest first. */
export function History(props: HistoryProps) {
  if (query.value.get("history") === "all") return <WholeHistory {...props} />;
  const { history, history_length } = props.record;
  const isPart = history.length < history_length;
  return (
    <Panel
      title="History"
      aside={
        isPart && <a href={withQuery({ history: "all" })}>all {history_length}, oldest first</a>
      }
    >
      <Entries entries={history} />
    </Panel>
  );
}

const HISTORY_OPERATIONS = {
  withdrawals: "listWithdrawalHistory",
  deposits: "listDepositHistory",
  trades: "listTradeHistory",
} as const;

function WholeHistory({ model, record: { id } }: HistoryProps) {
  const request = { limit: 100, ...queryGiven(["history"]), id };
  const page = useResource(`history ${model} ${id} ${query.value}`, [model], (client, signal) =>
    client[HISTORY_OPERATIONS[model]](request, { signal }),
  );
  return (
    <ListPanel
      title="History"
      aside={<a href={withQuery({ history: null })}>newest only</a>}
      resource={page}
      of={[model]}
      lines={8}
      empty="No status has been reported."
    >
      {(entries) => <Entries entries={entries} />}
    </ListPanel>
  );
}

function Entries({ entries }: Readonly<{ entries: readonly Entry[] }>) {
  const names = uniqueNames(entries, ({ position, source }) => `${position} ${source}`);
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
        { title: "provider status", cell: ({ provider_status }) => provider_status },
        { title: "source", minor: true, cell: ({ source }) => source },
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

/** The traded quantity and price, if the provider states both as text. */
export function TradedAmount({ fields }: Pick<Schemas["Trade"], "fields">) {
  const { trade_quantity: quantity, trade_price: price, underlying, quoted_currency } = fields;
  if (typeof quantity !== "string" || typeof price !== "string") return null;
  return (
    <>
      <p class="answer">
        <Amount value={quantity} asset={typeof underlying === "string" ? underlying : null} />
      </p>
      <p>
        at{" "}
        <Amount
          value={price}
          asset={typeof quoted_currency === "string" ? quoted_currency : null}
        />
      </p>
    </>
  );
}

export function transferFacts(record: Transfer): Parameters<typeof Facts>[0]["of"] {
  const { fee, fee_asset, participant_code, account_group, account_label, network, link } = record;
  const more = record as Partial<Schemas["Withdrawal"] & Schemas["Deposit"]>;
  const code = (text: string | null | undefined) => text && <Id>{text}</Id>;
  return [
    ["link", <LinkWord key="link" link={link} />],
    ["settled amount", more.settled_amount && <Amount value={more.settled_amount} />],
    ["credited amount", more.credited_amount && <Amount value={more.credited_amount} />],
    ["fee", fee && <Amount value={fee} asset={fee_asset} />],
    ["total", more.total && <Amount value={more.total} asset={more.quoted_currency ?? null} />],
    [
      "participant",
      participant_code && (
        <a href={pathTo("accounts", {}, { participant_code })}>{participant_code}</a>
      ),
    ],
    [
      "group",
      account_group && <a href={pathTo("accounts", {}, { account_group })}>{account_group}</a>,
    ],
    ["label", account_label],
    ["network", network],
    ["beneficiary", more.beneficiary],
    ["to address", code(more.destination_address)],
    ["from address", code(more.source_address)],
    ["received at address", code(more.received_address)],
    ["reference", code(more.reference)],
    ["reason", more.reason],
    ["reason code", more.reason_code],
    ["fund", more.fund && <FundText key="fund" fund={more.fund} />],
  ];
}

const FundText = ({ fund }: Readonly<{ fund: NonNullable<Schemas["Deposit"]["fund"]> }>) => (
  <>
    {fund.success === true ? "converted" : "not converted"}
    {fund.rate !== null && (
      <>
        {" "}
        at <bdi>{fund.rate}</bdi>
      </>
    )}
    {fund.notional !== null && (
      <>
        {" "}
        to <bdi>{fund.notional}</bdi> <bdi>{fund.quoted_currency}</bdi>
      </>
    )}
    {fund.reason !== null && (
      <>
        : <bdi>{fund.reason}</bdi>
      </>
    )}
  </>
);

/** The record's identifiers; each links to a search for it. */
export function Identifiers({ record: { identifiers } }: Readonly<{ record: Transfer }>) {
  const all = Object.entries(identifiers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value])
      .filter((each): each is string => typeof each === "string")
      .map((each) => [name.replace(/s$/, "").replaceAll("_", " "), each] as const),
  );
  return (
    <Panel title="Identifiers">
      <dl class="facts one">
        {all.map(([name, value]) => (
          <div key={`${name} ${value}`}>
            <dt>{name}</dt>
            <dd>
              <a class="id" href={pathTo("search", {}, { q: value })}>
                <code>{value}</code>
              </a>
            </dd>
          </div>
        ))}
      </dl>
      {all.length === 0 && <p class="empty">The provider gave no identifier.</p>}
    </Panel>
  );
}

export function TradeFields({ record: { fields } }: Readonly<{ record: Schemas["Trade"] }>) {
  const shown = Object.entries(fields).filter(([, value]) => value !== null && value !== "");
  return (
    <Panel title="Fields from the provider">
      <Facts
        of={shown.map(([name, value]) => [
          name.replaceAll("_", " "),
          typeof value === "object" ? <pre>{JSON.stringify(value, null, 2)}</pre> : String(value),
        ])}
      />
    </Panel>
  );
}
