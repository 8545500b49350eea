import type { components } from "@counterfoil/client";
import type { ComponentChildren } from "preact";
import { Facts, Heading, Panel, Table } from "../components/panel.tsx";
import { AccountLink, Ago, Amount, amountColumn, Badge, Time } from "../components/values.tsx";
import { behindIn, lagText, MODELS, type Status } from "../lag.ts";
import { type Outage, outage, status, useShown } from "../live.ts";
import { Loaded, Loading, None, useResource } from "../resource.tsx";
import { pathTo } from "../router.ts";
import { countOf, durationText } from "../text.ts";

type Anomaly = components["schemas"]["Anomaly"];

/** Whether the money is right, on one screen: green only if it is. */
export function MoneyPage() {
  useShown(MODELS);
  const now = status.value;
  return (
    <>
      <Heading title="Is the money right?" />
      {now === null ? <Loading lines={3} /> : <Verdict status={now} outage={outage.value} />}
      <div class="panels">
        <Gaps />
        <Totals />
        {now?.scope === "ledger" && <Attention status={now} />}
        {now?.scope === "ledger" && <Deliveries status={now} />}
        {now !== null && <Models status={now} />}
      </div>
    </>
  );
}

type Answer = Readonly<{
  tone: "good" | "warn" | "bad" | "quiet";
  title: string;
  text: ComponentChildren;
}>;

/** The answer to the page's question, and what a person has to do. */
function Verdict({ status, outage }: Readonly<{ status: Status; outage: Outage | null }>) {
  const { tone, title, text } = outage === null ? answerOf(status) : answerDuring(outage, status);
  return (
    <section class={`verdict ${tone}`} aria-label="The answer">
      <p class="answer" aria-live="polite">
        {title}
      </p>
      <p>{text}</p>
      {status.needs_a_person.length > 0 && (
        <ul>
          {status.needs_a_person.map((need) => (
            <li key={need.what}>
              <b>{need.what}</b> <span class="quiet minor">{withCode(need.do)}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** Text between backticks is a command. */
const withCode = (text: string) =>
  text.split("`").map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part));

const MONEY: ReadonlySet<string> = new Set(["gap", "contradiction", "unlisted", "invariant"]);

function answerOf(status: Status): Answer {
  const { scope } = status;
  // A platform's key receives no counts, so their absence does not mean that all is well.
  if (scope === "platform") {
    return {
      tone: "quiet",
      title: "Look at your accounts.",
      text: "This key sees one platform's accounts. Their open gaps are listed below; the state of the whole ledger is not visible to it.",
    };
  }
  const behind = behindIn(status, MODELS);
  const answer = answerByCounts(status);
  if (behind.length === 0) return answer;
  // What is wrong so far is worth knowing; what is right so far answers nothing.
  const soFar =
    answer.tone === "bad" ? ` By what is read so far: ${answer.title} ${answer.text}` : "";
  return { tone: "bad", title: "Unknown.", text: `${lagText(behind)}.${soFar}` };
}

/** The answer of models that have read the whole stream. */
function answerByCounts({ anomalies, quarantined, head }: Status): Answer & { text: string } {
  const wrong = anomalies.filter(({ kind, open }) => open > 0 && MONEY.has(kind));
  if (wrong.length > 0) {
    return {
      tone: "bad",
      title: "No.",
      text: `${wrong.map(({ kind, open }) => countOf(open, kind)).join(", ")} open. Missing amounts are listed below.`,
    };
  }
  if ((quarantined?.open ?? 0) > 0) {
    const count = countOf(quarantined?.open ?? 0, "delivery");
    return {
      tone: "warn",
      title: "Yes, except for unreadable deliveries.",
      text: `${count} in quarantine.`,
    };
  }
  const others = anomalies.reduce((sum, { open }) => sum + open, 0);
  if (head === "1") {
    return {
      tone: "quiet",
      title: "No data yet.",
      text: "The ledger waits for its first delivery.",
    };
  }
  return {
    tone: "good",
    title: "Yes.",
    text:
      others === 0
        ? "Every balance follows from the previous one, and there are no contradictions."
        : `Every balance follows from the previous one. ${countOf(others, "other anomaly")} open.`,
  };
}

/** The last answer is named as the past one that it is. */
function answerDuring({ asOf }: Outage, status: Status): Answer {
  const { title, text } = answerOf(status);
  return {
    tone: "quiet",
    title: "Unknown.",
    text: (
      <>
        The status no longer comes. At <Time at={asOf} /> the answer was: {title} {text}
      </>
    ),
  };
}

const SHOWN = 8;

/** The open gaps: the missing amounts, and the runs around them. */
function Gaps() {
  const gaps = useResource("open gaps", MODELS, (client, signal) =>
    client.listAnomalies({ kind: "gap", open: "true", limit: SHOWN }, { signal }),
  );
  return (
    <Panel title="Open gaps">
      <Loaded resource={gaps}>
        {({ data, next_cursor }) =>
          data.length === 0 ? (
            <None of={["balances"]}>None: every balance follows from the previous one.</None>
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
        between run <bdi>{text("after_run_id") ?? "none"}</bdi> and run{" "}
        <bdi>{text("before_run_id") ?? "none"}</bdi>
        {opened_at !== null && (
          <>
            , <Ago at={opened_at} />
          </>
        )}
      </div>
    </li>
  );
}

/** The last part of an account's id; in a Layer1 account's id the part before the kind of funds. */
function assetOf(account: string): string | null {
  const parts = account.split(":");
  const part = parts[0] === "layer1" ? parts.at(-2) : parts.at(-1);
  return part === undefined ? null : decodeURIComponent(part);
}

function Totals() {
  const totals = useResource("totals", ["balances"], (client, signal) =>
    client.listTotals({}, { signal }),
  );
  return (
    <Panel title="Totals per asset">
      <Loaded resource={totals}>
        {({ data }) =>
          data.length === 0 ? (
            <None of={["balances"]}>No account has been reported yet.</None>
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

/** Open items by kind, including the gaps that have their own panel. */
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
    <Panel title="Open items">
      {lines.length === 0 ? (
        <None of={MODELS}>
          None: no unlisted account, no contradiction, nothing stuck, nothing in quarantine.
        </None>
      ) : (
        <Table
          label="Open items"
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

/** The latest delivery of each provider on each channel. */
function Deliveries({ status }: Readonly<{ status: Status }>) {
  const { feed, last_deliveries } = status;
  return (
    <Panel
      title="Latest deliveries"
      aside={feed === null ? "no feed" : <Badge word={feed.state} />}
    >
      {feed !== null && (
        <Facts
          of={[
            [`feed ${feed.state} since`, <Time key="since" at={feed.since} />],
            ["reason", feed.reason],
          ]}
        />
      )}
      {last_deliveries.length === 0 ? (
        <None of={["balances"]}>No delivery has arrived yet.</None>
      ) : (
        <Table
          label="Latest deliveries"
          rows={last_deliveries}
          keyOf={({ provider, channel }) => `${provider} ${channel}`}
          columns={[
            { title: "provider", cell: ({ provider }) => <b>{provider}</b> },
            { title: "channel", cell: ({ channel }) => channel },
            { title: "last", cell: ({ recorded_at }) => <Ago at={recorded_at} /> },
            { title: "at", minor: true, cell: ({ recorded_at }) => <Time at={recorded_at} /> },
          ]}
        />
      )}
    </Panel>
  );
}

/** The position of each model, and the digests that identify its rows. */
function Models({ status }: Readonly<{ status: Status }>) {
  const { scope, projections, publisher } = status;
  const isWhole = scope === "ledger";
  const built = useActivations(projections.map(({ generation }) => generation).join(" "));
  return (
    <Panel
      title="Models"
      class="wide"
      aside={isWhole ? <PublisherLag publisher={publisher} /> : undefined}
    >
      <Table
        label="Models"
        rows={projections}
        keyOf={({ name }) => name}
        columns={[
          { title: "model", cell: ({ name }) => <b>{name}</b> },
          { title: "state", cell: ({ state }) => <Badge word={state} /> },
          {
            title: "lag",
            kind: "number",
            cell: ({ lag, lag_seconds }) =>
              lag === 0 ? "0" : `${lag} events, ${durationText(lag_seconds)}`,
          },
          { title: "position", kind: "number", minor: true, cell: ({ position }) => position },
          { title: "generation", kind: "number", cell: ({ generation }) => generation },
          {
            title: "last rebuild",
            minor: true,
            cell: ({ name }) => (isWhole ? <LastRebuild at={built(name)} /> : <NotShown />),
          },
          {
            title: "stopped subjects",
            kind: "number",
            minor: true,
            cell: ({ stopped_keys: count }) => {
              if (!isWhole) return <NotShown />;
              return count === 0 ? "0" : <b class="bad">{count}</b>;
            },
          },
          { title: "digest", minor: true, cell: ({ digest }) => <Digest of={digest} /> },
          { title: "state digest", minor: true, cell: (row) => <Digest of={row.state_digest} /> },
        ]}
      />
    </Panel>
  );
}

/** Withheld from a platform's key. */
const NotShown = () => <span class="unknown">–</span>;

const LastRebuild = ({ at }: Readonly<{ at: string | null | undefined }>) => {
  if (at === undefined) return <NotShown />;
  return at === null ? <span class="quiet">never</span> : <Time at={at} />;
};

/**
 * When the live generation of each model was activated, from the events on the stream: null if never,
 * undefined if that is not known.
 */
function useActivations(generations: string): (model: string) => string | null | undefined {
  const found = useResource(`activations ${generations}`, [], (client, signal) =>
    client.listEvents({ type: ["ModelActivated"], order: "desc", limit: 20 }, { signal }),
  );
  if (found.state !== "loaded") return () => undefined;
  const { data, next_cursor } = found.data;
  const known = new Map([...data].reverse().map((each) => [each.data.model, each.recorded_at]));
  return (model) => known.get(model) ?? (next_cursor === null ? null : undefined);
}

/** A shortened digest to compare by eye; the title has all of it. */
const Digest = ({ of }: Readonly<{ of: string }>) =>
  /^0+$/.test(of) ? (
    <NotShown />
  ) : (
    <code title={of}>
      {of.slice(0, 8)}…{of.slice(-4)}
    </code>
  );

function PublisherLag({ publisher }: Pick<Status, "publisher">) {
  if (publisher === null) return <>Kafka: nothing is published</>;
  const { lag, lag_seconds, position } = publisher;
  return (
    <>
      Kafka:{" "}
      {lag === 0
        ? `up to date at ${position}`
        : `${lag} events, ${durationText(lag_seconds)} behind`}
    </>
  );
}
