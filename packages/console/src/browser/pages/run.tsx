import { amountColumn } from "../components/amount.tsx";
import { EventLink, SubjectLink } from "../components/links.tsx";
import { Facts, Panel } from "../components/panel.tsx";
import { Loaded } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { type PageProps, useTitle } from "../page.ts";
import { ofModels, useResource } from "../resource.ts";

/** One run of the provider's ledger, on every account that it touched. */
export function RunPage({ parameters: { id = "" } }: PageProps) {
  useTitle(`Run ${id}`);
  const found = useResource(
    `run ${id}`,
    (client, signal) => client.getRun({ run_id: id }, { signal }),
    ofModels("balances"),
  );
  return (
    <>
      <div class="heading">
        <h1>Run {id}</h1>
      </div>
      <Loaded resource={found} lines={6}>
        {({ data: run }) => (
          <div class="panels">
            <Panel title="What it is" class="wide">
              <Facts
                of={[
                  ["provider", run.provider],
                  ["type", run.run_type],
                  ["occurred", <Time key="o" at={run.occurred_at} />],
                  ["accounts", run.accounts.length],
                ]}
              />
            </Panel>
            {run.accounts.map((account) => (
              <Panel
                key={account.account}
                class="wide"
                title={<SubjectLink subject={account.account} />}
                aside={
                  <>
                    position <EventLink position={account.position} />
                  </>
                }
              >
                <Table
                  label={`The run on ${account.account}`}
                  rows={[account]}
                  keyOf={({ account: id }) => id}
                  columns={[
                    amountColumn("change", [account], ({ change }) => change, { signed: true }),
                    amountColumn("balance after", [account], ({ balance }) => balance),
                    { title: "takes effect", cell: (row) => <Time at={row.effective_at} /> },
                    {
                      title: "movements",
                      kind: "number",
                      cell: ({ movement_count }) => movement_count,
                    },
                  ]}
                />
                <Table
                  label={`Movements on ${account.account}`}
                  rows={account.movements}
                  keyOf={({ movement_id }) => movement_id}
                  columns={[
                    { title: "movement", cell: (row) => <span class="id">{row.movement_id}</span> },
                    { title: "type", cell: ({ movement_type }) => movement_type ?? "–" },
                    amountColumn("change", account.movements, ({ change }) => change, {
                      signed: true,
                    }),
                    {
                      title: "occurred",
                      minor: true,
                      cell: (row) => <Time at={row.occurred_at} />,
                    },
                  ]}
                />
              </Panel>
            ))}
          </div>
        )}
      </Loaded>
    </>
  );
}
