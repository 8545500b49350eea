import { type AddressName, pathTo } from "../../addresses.ts";
import { Panel } from "./panel.tsx";

/** A run with what it moved on all accounts. */
export const RunLink = ({ id }: Readonly<{ id: string }>) => (
  <a class="id" href={pathTo("run", { id })}>
    {id}
  </a>
);

/** A delivery with its bytes. */
export const DeliveryLink = ({ id, text }: Readonly<{ id: string | null; text?: string }>) =>
  id === null ? (
    <span class="unknown">–</span>
  ) : (
    <a href={pathTo("delivery", { id })} title={id}>
      {text ?? id.slice(0, 8)}
    </a>
  );

/** An event of the stream. */
export const EventLink = ({ position }: Readonly<{ position: string }>) => (
  <a href={pathTo("event", { id: position })}>{position}</a>
);

/** An account's id, which may break behind each of its parts. */
export const AccountLink = ({ id }: Readonly<{ id: string }>) => (
  <a class="account" href={pathTo("account", { id })}>
    <AccountName id={id} />
  </a>
);

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

/** What an event is about, where that has a page. */
export const SubjectLink = ({ subject }: Readonly<{ subject: string }>) => (
  <Leading to={subjectPath(subject)}>{subject}</Leading>
);

/** A record of a model. */
export const RecordLink = ({ model, id }: Readonly<{ model: string; id: string }>) => (
  <Leading to={recordPath(model, id)}>{id}</Leading>
);

function Leading({ to, children }: Readonly<{ to: string | null; children: string }>) {
  return to === null ? (
    <span class="id">{children}</span>
  ) : (
    <a class="id" href={to}>
      {children}
    </a>
  );
}

/** The records that an id may stand for, where the provider gave it to several. */
export function Candidates({ name, ids }: Readonly<{ name: AddressName; ids: readonly string[] }>) {
  if (ids.length === 0) return null;
  return (
    <Panel title="It may be">
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

/** What the subject of an event or an anomaly leads to; null where it has no page. */
function subjectPath(subject: string): string | null {
  for (const [shape, name] of PAGES) {
    const id = shape.exec(subject)?.[1];
    if (id !== undefined) return pathTo(name, { id });
  }
  return null;
}

/** Shapes of subjects, as the stream writes them; an account is its own id. */
const PAGES: readonly (readonly [RegExp, AddressName])[] = [
  [/^delivery:(.+)$/, "delivery"],
  [/^run:[^:]+:(.+)$/, "run"],
  [/^(?:withdrawal|payment):[^:]+:(.+)$/, "withdrawal"],
  [/^(?:deposit|fund):[^:]+:(.+)$/, "deposit"],
  [/^trade:[^:]+:(.+)$/, "trade"],
  [/^((?:zerohash|layer1):.+)$/, "account"],
];

/** The page of a record of a model. */
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
