import type { components } from "@counterfoil/client";
import { Amount, amountColumn } from "../components/amount.tsx";
import { Badge } from "../components/badge.tsx";
import { AccountLink } from "../components/links.tsx";
import { Panel } from "../components/panel.tsx";
import { Empty, Loaded, Loading } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import { Ago } from "../components/time.tsx";
import { type Status, status } from "../live.ts";
import { useTitle } from "../page.ts";
import { ofModels, useResource } from "../resource.ts";
import { pathTo } from "../router.ts";
import { Deliveries, Models } from "./money-service.tsx";
import { Verdict } from "./money-verdict.tsx";

type Anomaly = components["schemas"]["Anomaly"];

/** Whether the money is right, on one screen: green only where it is. */
export function MoneyPage() {
  useTitle("Is the money right?");
  const now = status.value;
  return (
    <>
      <div class="heading">
        <h1>Is the money right?</h1>
      </div>
      {now === null ? <Loading lines={3} /> : <Verdict status={now} />}
      <div class="panels">
        <Gaps />
        <Totals />
        {now !== null && <Attention status={now} />}
        {now !== null && <Deliveries status={now} />}
        {now !== null && <Models status={now} />}
      </div>
    </>
  );
}

const SHOWN = 8;

/** Between which runs money is missing, and how much. */
function Gaps() {
  const gaps = useResource(
    "open gaps",
    (client, signal) =>
      client.listAnomalies({ kind: "gap", open: "true", limit: SHOWN }, { signal }),
    ofModels("balances", "anomalies"),
  );
  return (
    <Panel title="Open gaps">
      <Loaded resource={gaps}>
        {({ data, next_cursor }) =>
          data.length === 0 ? (
            <Empty>None: every balance follows from the one before it.</Empty>
          ) : (
            <>
              <ul class="gaps">
                {data.map((gap) => (
                  <Gap key={gap.id} gap={gap} />
                ))}
              </ul>
              {next_cursor !== null && <p class="quiet">These are the newest {SHOWN}.</p>}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Gap({ gap }: Readonly<{ gap: Anomaly }>) {
  const { subject, detail, opened_at, acknowledged_at } = gap;
  const text = (name: string) => (typeof detail[name] === "string" ? detail[name] : null);
  return (
    <li>
      <a href={pathTo("anomaly", { id: gap.id })}>
        <Badge word="gap" />{" "}
        <Amount value={text("missing_amount")} signed asset={assetOf(subject)} />
      </a>
      {acknowledged_at !== null && <Badge word="acknowledged" />}
      <div>
        <AccountLink id={subject} />
      </div>
      <div class="quiet">
        between run {text("after_run_id") ?? "none"} and run {text("before_run_id") ?? "none"}
        {opened_at !== null && (
          <>
            , <Ago at={opened_at} />
          </>
        )}
      </div>
    </li>
  );
}

/** The last part of an account's id, or of a Layer1 account's the one before its kind of funds. */
function assetOf(account: string): string | null {
  const parts = account.split(":");
  const part = parts[0] === "layer1" ? parts.at(-2) : parts.at(-1);
  return part === undefined ? null : decodeURIComponent(part);
}

function Totals() {
  const totals = useResource(
    "totals",
    (client, signal) => client.listTotals({}, { signal }),
    ofModels("balances"),
  );
  return (
    <Panel title="Totals per asset">
      <Loaded resource={totals}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty>No account has been reported yet.</Empty>
          ) : (
            <Table
              label="Totals per asset"
              rows={data}
              keyOf={({ asset }) => asset}
              columns={[
                {
                  title: "asset",
                  cell: ({ asset }) => <a href={pathTo("accounts", {}, { asset })}>{asset}</a>,
                },
                amountColumn("total", data, ({ total }) => total),
                {
                  title: "accounts",
                  kind: "number",
                  minor: true,
                  cell: ({ accounts }) => accounts,
                },
                {
                  title: "with gaps",
                  kind: "number",
                  cell: ({ accounts_with_gaps: count }) =>
                    count === 0 ? <span class="quiet">0</span> : <b class="bad">{count}</b>,
                },
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}

/** What is open, a line a kind: gaps have their own panel, and stand here too. */
function Attention({ status }: Readonly<{ status: Status }>) {
  const { anomalies, quarantined, stuck } = status;
  const lines = [
    ...anomalies
      .filter(({ open }) => open > 0)
      .map(({ kind, model, ...counts }) => ({ what: kind, where: model, kind, ...counts })),
    ...stuck
      .filter(({ open }) => open > 0)
      .map(({ model, stage, ...counts }) => ({
        what: `stuck in ${stage}`,
        where: model,
        kind: "stuck",
        ...counts,
      })),
    ...(quarantined !== null && quarantined.open > 0
      ? [{ what: "quarantined", where: "deliveries", kind: "quarantine", ...quarantined }]
      : []),
  ];
  return (
    <Panel title="What is open">
      {lines.length === 0 ? (
        <Empty>
          Nothing: no account unlisted, no contradiction, nothing stuck, nothing in quarantine.
        </Empty>
      ) : (
        <Table
          label="What is open"
          rows={lines}
          keyOf={({ what, where }) => `${what} ${where}`}
          columns={[
            {
              title: "kind",
              cell: ({ what, where, kind }) => (
                <a
                  href={pathTo(
                    "attention",
                    {},
                    kind === "quarantine" ? { kind } : { kind, model: where },
                  )}
                >
                  <Badge word={what} tone="warn" />
                </a>
              ),
            },
            { title: "in", cell: ({ where }) => where },
            { title: "open", kind: "number", cell: ({ open }) => open },
            {
              title: "unacknowledged",
              kind: "number",
              cell: ({ unacknowledged: count }) =>
                count === 0 ? <span class="quiet">0</span> : <b class="bad">{count}</b>,
            },
          ]}
        />
      )}
    </Panel>
  );
}
