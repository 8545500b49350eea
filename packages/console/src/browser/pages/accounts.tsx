import type { ParametersOf } from "@counterfoil/client";
import { amountColumn } from "../components/amount.tsx";
import { Badge } from "../components/badge.tsx";
import { AccountLink } from "../components/links.tsx";
import { Filters, ListPanel, Table } from "../components/list.tsx";
import { Time } from "../components/time.tsx";
import { ofModels, useResource } from "../resource.tsx";
import { givenBy, query, useTitle } from "../router.ts";

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
