import { type Client, ProblemError } from "@counterfoil/client";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Change, isBegun, onChange } from "./live.ts";
import { api, locked } from "./session.ts";

/** What was asked for, as far as it is there. What was shown stays while it is asked for again. */
export type Resource<Data> =
  | Readonly<{ state: "loading" }>
  | Readonly<{ state: "failed"; failure: Failure; again: () => void }>
  | Readonly<{ state: "loaded"; data: Data; failure: Failure | null; again: () => void }>;

export type Failure = Readonly<{
  /** `missing_route`: the service is older than this page; `unreachable`: nobody answered. */
  code: string;
  text: string;
  /** Records that the id may mean, where it means several. */
  candidates: readonly string[];
}>;

/** What a page says by itself of an answer that is no problem of the service's. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

export type Ask<Data> = (client: Client, signal: AbortSignal) => PromiseLike<Data>;

/** Between two questions for the same thing, however often it changes. */
const PAUSE_MS = 1_000;

/**
 * Asks, and asks again when something changes that `concerns` it. `key` names what is asked for:
 * another one is another question.
 */
export function useResource<Data>(
  key: string,
  ask: Ask<Data>,
  concerns: (change: Change) => boolean = () => false,
): Resource<Data> {
  const [found, setFound] = useState<Readonly<{ key: string; data?: Data; failure?: Failure }>>();
  const [round, setRound] = useState(0);
  const client = api.value;
  const isWaiting = locked.value !== null || !isBegun.value;
  const again = () => setRound((before) => before + 1);

  useEffect(() => {
    if (isWaiting) return;
    const leaving = new AbortController();
    const { signal } = leaving;
    ask(client, signal).then(
      (data) => signal.aborted || setFound({ key, data }),
      (error: unknown) => {
        if (signal.aborted) return;
        const failure = failureOf(error);
        setFound((before) =>
          before?.key === key && before.data !== undefined
            ? { key, data: before.data, failure }
            : { key, failure },
        );
      },
    );
    return () => leaving.abort();
  }, [key, client, isWaiting, round]);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = onChange((change) => {
      if (timer !== undefined || !concerns(change)) return;
      timer = setTimeout(() => {
        timer = undefined;
        again();
      }, PAUSE_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [key]);

  if (found === undefined || found.key !== key) return { state: "loading" };
  const { data, failure = null } = found;
  if (data !== undefined) return { state: "loaded", data, failure, again };
  return failure === null ? { state: "loading" } : { state: "failed", failure, again };
}

const MISSING_ROUTE = /^no resource has the address/;

export function failureOf(error: unknown): Failure {
  if (error instanceof Refusal) return { code: "refused", text: error.message, candidates: [] };
  if (!(error instanceof ProblemError)) {
    return { code: "unreachable", text: "The service does not answer.", candidates: [] };
  }
  const { code, problem, message } = error;
  const detail = problem?.detail ?? message;
  const isMissing = code === "not_found" && MISSING_ROUTE.test(detail);
  return {
    code: isMissing ? "missing_route" : (code ?? `http_${error.status}`),
    text: detail,
    candidates: problem?.candidates ?? [],
  };
}

/** Whether a change is one of these models'. */
export const ofModels =
  (...models: readonly string[]) =>
  ({ model }: Change): boolean =>
    models.includes(model);

/** Whether a change may be one of this record. */
export const ofRecord =
  (model: string, id: string) =>
  (change: Change): boolean =>
    change.model === model && (change.id === null || change.id === id);

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
