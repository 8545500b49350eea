import { pathTo } from "../router.ts";
import { recordPath, subjectPath } from "../subjects.ts";

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
