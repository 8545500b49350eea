import { pathTo } from "../router.ts";

/** A run with what it moved on all accounts. */
export const RunLink = ({ id }: Readonly<{ id: string }>) => (
  <a class="id" href={`/runs/${encodeURIComponent(id)}`}>
    {id}
  </a>
);

/** A delivery with its bytes. */
export const DeliveryLink = ({ id, text }: Readonly<{ id: string | null; text?: string }>) =>
  id === null ? (
    <span class="unknown">–</span>
  ) : (
    <a href={`/deliveries/${encodeURIComponent(id)}`} title={id}>
      {text ?? id.slice(0, 8)}
    </a>
  );

/** An event of the stream. */
export const EventLink = ({ position }: Readonly<{ position: string }>) => (
  <a href={`/events/${encodeURIComponent(position)}`}>{position}</a>
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
