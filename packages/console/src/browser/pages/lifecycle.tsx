import type { AnswerOf, Client, components } from "@counterfoil/client";
import type { AddressName } from "../../addresses.ts";
import { Explained } from "../components/explained.tsx";
import { Candidates } from "../components/links.tsx";
import { Facts, Id, Panel } from "../components/panel.tsx";
import { Amount, Badge, Time } from "../components/values.tsx";
import { Failed, type Load, Loaded, ofRecord, useResource } from "../resource.tsx";
import { type PageProps, pathTo, useTitle } from "../router.ts";
import {
  History,
  type LifecycleRecord,
  LinkWord,
  type Model,
  StageTrack,
  type Transfer,
} from "./lifecycle-stages.tsx";

type Schemas = components["schemas"];
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

/** The traded quantity and price, if the provider states both as text. */
function TradedAmount({ fields }: Pick<Schemas["Trade"], "fields">) {
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

function transferFacts(record: Transfer): Parameters<typeof Facts>[0]["of"] {
  const { fee, fee_asset, participant_code, account_group, account_label, network, link } = record;
  const more = record as Partial<Schemas["Withdrawal"] & Schemas["Deposit"]>;
  const code = (text: string | null | undefined) => text && <Id>{text}</Id>;
  return [
    ["link", <LinkWord key="link" link={link} />],
    ["settled amount", more.settled_amount && <Amount value={more.settled_amount} />],
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
    {fund.rate !== null && <> at {fund.rate}</>}
    {fund.notional !== null && (
      <>
        {" "}
        to {fund.notional} {fund.quoted_currency}
      </>
    )}
    {fund.reason !== null && <>: {fund.reason}</>}
  </>
);

/** The record's identifiers; each links to a search for it. */
function Identifiers({ record: { identifiers } }: Readonly<{ record: Transfer }>) {
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

function TradeFields({ record: { fields } }: Readonly<{ record: Schemas["Trade"] }>) {
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
