import type { ComponentChildren } from "preact";
import type { Failure, Resource } from "../resource.ts";

type LoadedProps<Data> = Readonly<{
  resource: Resource<Data>;
  children: (data: Data) => ComponentChildren;
  /** Of what is being waited for. */
  lines?: number;
}>;

/** What was asked for, or how far that is: the three states that every part of a page has. */
export function Loaded<Data>({ resource, children, lines = 4 }: LoadedProps<Data>) {
  if (resource.state === "loading") return <Loading lines={lines} />;
  if (resource.state === "failed") return <Failed {...resource} />;
  const { failure, again, data } = resource;
  return (
    <>
      {failure !== null && <Stale failure={failure} again={again} />}
      {children(data)}
    </>
  );
}

export function Loading({ lines }: Readonly<{ lines: number }>) {
  return (
    <div class="loading" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, at) => (
        <span key={at} />
      ))}
    </div>
  );
}

export function Empty({ children }: Readonly<{ children: ComponentChildren }>) {
  return <p class="empty">{children}</p>;
}

type FailedProps = Readonly<{ failure: Failure; again: () => void }>;

/** Why something is not there, in the service's words, and what to do. */
export function Failed({ failure, again }: FailedProps) {
  const { code, text } = failure;
  if (code === "missing_route") {
    return (
      <div class="notice quiet" role="status">
        <strong>This service is older than its console.</strong>
        <p>It does not answer this question yet ({text}). Everything else works.</p>
      </div>
    );
  }
  return (
    <div class="notice bad" role="alert">
      <strong>{TITLES[code] ?? "This could not be read."}</strong>
      <p>{text}</p>
      <p class="actions">
        <button type="button" onClick={again}>
          Try again
        </button>
        <code>{code}</code>
      </p>
    </div>
  );
}

const TITLES: Readonly<Record<string, string>> = {
  not_found: "There is nothing of this id.",
  ambiguous_id: "This id stands for several.",
  unreachable: "Nobody answers.",
  model_unavailable: "The read model cannot be read just now.",
  stream_unavailable: "The event stream cannot be read just now.",
  wrong_role: "This key may not do that.",
  rate_limited: "Too many questions with this key.",
};

function Stale({ failure, again }: FailedProps) {
  return (
    <div class="notice warn" role="status">
      What you see is not the newest: {failure.text}{" "}
      <button type="button" onClick={again}>
        Try again
      </button>
    </div>
  );
}

/** What a key of the role `operator` is needed for, and how one is made. */
function NeedsOperator({ what }: Readonly<{ what: string }>) {
  return (
    <div class="notice quiet" role="status">
      <p>{what} needs an operator's key. Where the service runs:</p>
      <pre>counterfoil keys create --role operator --name you</pre>
      <p>It is shown once. Use “Key” above to give it to this page.</p>
    </div>
  );
}

const KEY_WANTED: ReadonlySet<string> = new Set(["unauthenticated", "wrong_role"]);

/** Why something was not done; where only a key is wanted, which, and how it is made. */
export function Refused({ action, failure }: Readonly<{ action: string; failure: Failure }>) {
  return KEY_WANTED.has(failure.code) ? (
    <NeedsOperator what={`To ${action.toLowerCase()}`} />
  ) : (
    <p class="notice bad" role="alert">
      {failure.text}
    </p>
  );
}
