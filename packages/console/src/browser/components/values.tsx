import { Fragment } from "preact";
import { type AddressName, pathTo } from "../../addresses.ts";
import { status } from "../live.ts";
import { zone } from "../session.ts";
import { type AmountParts, amountParts, durationText, fractionOf } from "../text.ts";
import { type Column, Panel } from "./panel.tsx";

type AmountProps = Readonly<{
  /** An exact decimal as text, null if unknown. It is never converted to a number. */
  value: string | null | undefined;
  /** The greatest number of decimals in the column, which aligns the decimal points. */
  fraction?: number;
  /** Shows a plus before a positive change. */
  signed?: boolean;
  asset?: string | null;
}>;

/** An amount in full. CSS separates thousands, so that copied text is exact. */
export function Amount({ value, fraction = 0, signed = false, asset }: AmountProps) {
  if (value === null || value === undefined) {
    return (
      <span class="amount unknown" title="not reported">
        –
      </span>
    );
  }
  const parts = amountParts(value);
  const isNegative = parts?.sign === "-";
  return (
    <span class={`amount ${isNegative ? "negative" : ""}`}>
      {signed && !isNegative && /[1-9]/.test(value) && parts !== null && "+"}
      {parts === null ? <bdi class="stated">{value}</bdi> : <Digits {...parts} wanted={fraction} />}
      {asset != null && <span class="asset"> {asset}</span>}
    </span>
  );
}

type DigitsProps = AmountParts & Readonly<{ wanted: number }>;

function Digits({ sign, groups, fraction, wanted }: DigitsProps) {
  return (
    <>
      {sign}
      {groups.map((group, at) => (
        <span key={at} class="group">
          {group}
        </span>
      ))}
      {fraction !== "" && <span class="rest">.{fraction}</span>}
      <span class="pad" data-pad={padding(fraction.length, wanted)} />
    </>
  );
}

const padding = (length: number, wanted: number): string =>
  length >= wanted ? "" : `${length === 0 ? "." : ""}${"0".repeat(wanted - length)}`;

/** A column of amounts with aligned decimal points. */
export function amountColumn<Row>(
  title: string,
  rows: readonly Row[],
  pick: (row: Row) => string | null | undefined,
  options: Readonly<{
    signed?: boolean;
    minor?: boolean;
    asset?: (row: Row) => string | null;
  }> = {},
): Column<Row> {
  const fraction = fractionOf(rows.map(pick));
  const { signed = false, minor = false, asset } = options;
  return {
    title,
    kind: "number",
    minor,
    cell: (row) => (
      <Amount
        value={pick(row)}
        fraction={fraction}
        signed={signed}
        {...(asset && { asset: asset(row) })}
      />
    ),
  };
}

/** A time with all digits that the service returned; its title shows it in the other time zone. */
export function Time({ at }: Readonly<{ at: string | null | undefined }>) {
  if (at === null || at === undefined) return <span class="time unknown">–</span>;
  const { date, clock, fraction } = zone.value === "utc" ? utcOf(at) : localOf(at);
  const other = zone.value === "utc" ? localOf(at) : utcOf(at);
  const otherName = zone.value === "utc" ? "local time" : "UTC";
  return (
    <time
      class="time"
      datetime={at}
      title={`${other.date} ${other.clock}${other.fraction} ${otherName}`}
    >
      <span class="date">{dashed(date)}</span> {clock}
      <span class="fraction">{fraction}</span>
    </time>
  );
}

/** Dashes are styled separately, because tabular digits make them wide. */
const dashed = (date: string) =>
  date.split("-").map((part, at) => [at > 0 && <span class="dash">-</span>, part]);

type Moment = Readonly<{ date: string; clock: string; fraction: string }>;

const ISO = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d+)?Z$/;

function utcOf(at: string): Moment {
  const [, date = at, clock = "", fraction = ""] = ISO.exec(at) ?? [];
  return { date, clock, fraction };
}

function localOf(at: string): Moment {
  const { fraction } = utcOf(at);
  const when = new Date(at);
  if (Number.isNaN(when.getTime())) return utcOf(at);
  const two = (value: number) => String(value).padStart(2, "0");
  return {
    date: `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())}`,
    clock: `${two(when.getHours())}:${two(when.getMinutes())}:${two(when.getSeconds())}`,
    fraction,
  };
}

/** How long ago, by this machine's clock; counted anew with each status. */
export function Ago({ at }: Readonly<{ at: string }>) {
  void status.value;
  const seconds = (Date.now() - Date.parse(at)) / 1000;
  if (Number.isNaN(seconds)) return null;
  return <span class="ago">{durationText(seconds)} ago</span>;
}

/** The severity of a status word, shown as its colour. */
export type Tone = "good" | "warn" | "bad" | "quiet" | "busy";

const TONES: Readonly<Record<string, Tone>> = {
  // accounts
  continuous: "good",
  gap_open: "bad",
  contradicted: "bad",
  unlisted: "warn",
  // lifecycles
  settled: "good",
  credited: "good",
  terminated: "good",
  failed: "bad",
  rejected: "bad",
  returned: "warn",
  quarantined: "bad",
  held: "warn",
  stuck: "warn",
  // entries
  late: "warn",
  corrected: "warn",
  gap: "bad",
  contradiction: "bad",
  // models, feed
  live: "good",
  subscribed: "good",
  connected: "busy",
  catching_up: "busy",
  waiting: "busy",
  building: "busy",
  comparing: "busy",
  activated: "good",
  stopped: "bad",
  forked: "bad",
  unreadable: "bad",
  refused: "bad",
  disconnected: "bad",
};

const toneOf = (word: string | null): Tone => TONES[word ?? ""] ?? "quiet";

/** A status word of the ledger with its tone; the text alone is sufficient. */
export function Badge({ word, tone }: Readonly<{ word: string | null; tone?: Tone }>) {
  return (
    <span class={`badge ${tone ?? toneOf(word)}`}>{(word ?? "unknown").replaceAll("_", " ")}</span>
  );
}

/** Names and values in a line; no value changes the direction of what is after it. */
export const Named = ({ of }: Readonly<{ of: readonly (readonly [string, string])[] }>) => (
  <>
    {of.map(([name, value], at) => (
      <Fragment key={name}>
        {at > 0 && ", "}
        {name.replaceAll("_", " ")} <bdi>{value}</bdi>
      </Fragment>
    ))}
  </>
);

/** Links to a run. */
export const RunLink = ({ id }: Readonly<{ id: string }>) => (
  <a class="id" href={pathTo("run", { id })}>
    {id}
  </a>
);

/** Links to a delivery. */
export const DeliveryLink = ({ id, text }: Readonly<{ id: string | null; text?: string }>) =>
  id === null ? (
    <span class="unknown">–</span>
  ) : (
    <a href={pathTo("delivery", { id })} title={id}>
      {text ?? id.slice(0, 8)}
    </a>
  );

/** Links to an event of the stream. */
export const EventLink = ({ position }: Readonly<{ position: string }>) => (
  <a href={pathTo("event", { id: position })}>{position}</a>
);

/** Links to an account. */
export const AccountLink = ({ id }: Readonly<{ id: string }>) => (
  <a class="account" href={pathTo("account", { id })}>
    <AccountName id={id} />
  </a>
);

/** An account's id, which may wrap after each of its parts. */
export function AccountName({ id }: Readonly<{ id: string }>) {
  const parts = id.split(":");
  return (
    <>
      {parts.map((part, at) => (
        <span key={`${at} ${part}`}>
          {part}
          {at < parts.length - 1 && (
            <>
              <span class="colon">:</span>
              <wbr />
            </>
          )}
        </span>
      ))}
    </>
  );
}

/** The subject of an event, as a link if it has a page. */
export const SubjectLink = ({ subject }: Readonly<{ subject: string }>) => (
  <LinkOrText to={subjectPath(subject)}>{subject}</LinkOrText>
);

/** Links to a record of a model. */
export const RecordLink = ({ model, id }: Readonly<{ model: string; id: string }>) => (
  <LinkOrText to={recordPath(model, id)}>{id}</LinkOrText>
);

function LinkOrText({ to, children }: Readonly<{ to: string | null; children: string }>) {
  return to === null ? (
    <span class="id">{children}</span>
  ) : (
    <a class="id" href={to}>
      {children}
    </a>
  );
}

/** The records that an ambiguous provider's id may refer to. */
export function Candidates({ name, ids }: Readonly<{ name: AddressName; ids: readonly string[] }>) {
  if (ids.length === 0) return null;
  return (
    <Panel title="Possible records">
      <ul>
        {ids.map((id) => (
          <li key={id}>
            <a href={pathTo(name, { id })}>{id}</a>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** The page of an event's or anomaly's subject; null if it has none. */
function subjectPath(subject: string): string | null {
  for (const [shape, name] of PAGES) {
    const id = shape.exec(subject)?.[1];
    if (id !== undefined) return pathTo(name, { id });
  }
  return null;
}

/** The forms of subjects on the stream; the subject of an account is its id. */
const PAGES: readonly (readonly [RegExp, AddressName])[] = [
  [/^delivery:(.+)$/, "delivery"],
  [/^run:[^:]+:(.+)$/, "run"],
  [/^(?:withdrawal|payment):[^:]+:(.+)$/, "withdrawal"],
  [/^(?:deposit|fund):[^:]+:(.+)$/, "deposit"],
  [/^trade:[^:]+:(.+)$/, "trade"],
  [/^((?:zerohash|layer1):.+)$/, "account"],
];

/** The page of a record of a model; null if the model is unknown. */
function recordPath(model: string, id: string): string | null {
  const name = RECORDS[model];
  return name === undefined ? null : pathTo(name, { id });
}

const RECORDS: Readonly<Record<string, AddressName>> = {
  balances: "account",
  withdrawals: "withdrawal",
  deposits: "deposit",
  trades: "trade",
};
