import { type AddressName, pathTo } from "../../addresses.ts";
import { Panel } from "./panel.tsx";

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
