import type { components, ParametersOf } from "@counterfoil/client";
import { Explained } from "../components/explained.tsx";
import { AccountLink, AccountName, Candidates } from "../components/links.tsx";
import { Facts, Filters, Id, ListPanel, Table } from "../components/panel.tsx";
import { Amount, amountColumn, Badge, Time } from "../components/values.tsx";
import { Failed, Loaded, ofModels, ofRecord, useResource } from "../resource.tsx";
import {
  givenBy,
  isPast,
  momentGiven,
  type PageProps,
  pathTo,
  query,
  useTitle,
} from "../router.ts";
import { Entries } from "./account-entries.tsx";
import { BalanceOverTime, MomentForm } from "./account-history.tsx";

const FILTERS = [
  { name: "provider", title: "Provider", choices: ["zerohash", "layer1"] },
  { name: "participant_code", title: "Participant" },
  { name: "account_group", title: "Group" },
  { name: "account_label", title: "Label" },
  { name: "account_type", title: "Type" },
  { name: "asset", title: "Asset" },
] as const;

const NAMES = [...FILTERS.map(({ name }) => name), "cursor"] as const;
const ON_A_PAGE = 50;

/** All accounts with their balances, page by page. */
export function AccountsPage() {
  useTitle("Accounts");
  const request = { ...givenBy(NAMES), limit: ON_A_PAGE } as ParametersOf<"listBalances">;
  const list = useResource(
    `accounts ${query.value}`,
    (client, signal) => client.listBalances(request, { signal }),
    ofModels("balances"),
  );
  return (
    <>
      <div class="heading">
        <h1>Accounts</h1>
      </div>
      <Filters filters={FILTERS} />
      <ListPanel title="Balances" resource={list} empty="No accounts match.">
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
  useTitle(id);
  const moment = momentGiven();
  const account = useResource(
    `account ${id} ${JSON.stringify(moment)}`,
    (client, signal) => client.getAccount({ id, ...moment }, { signal }),
    ofRecord("balances", id),
  );
  if (account.state === "failed") return <NotFound id={id} failure={account} />;
  return (
    <>
      <div class="heading">
        <h1 class="account">
          <AccountName id={id} />
        </h1>
      </div>
      <Loaded resource={account} lines={3}>
        {({ data, position }) => (
          <>
            <Head balance={data} position={position} isPast={isPast(moment)} />
            <BalanceOverTime account={data} />
            <Entries key={query.value.toString()} account={data} />
            <Explained kind="balance" id={data.id} moment={moment} />
          </>
        )}
      </Loaded>
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
        {open_gaps > 0 && (
          <b class="bad">
            {open_gaps} open {open_gaps === 1 ? "gap" : "gaps"}
          </b>
        )}{" "}
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

type NotFoundProps = Readonly<{ id: string; failure: Parameters<typeof Failed>[0] }>;

/** A provider's id may refer to several accounts: lists them. */
function NotFound({ id, failure }: NotFoundProps) {
  return (
    <>
      <div class="heading">
        <h1 class="account">{id}</h1>
      </div>
      {isPast(momentGiven()) && <MomentForm />}
      <Failed {...failure} />
      <Candidates name="account" ids={failure.failure.candidates} />
    </>
  );
}
