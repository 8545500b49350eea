import { type Client, ProblemError } from "@counterfoil/client";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Change, isStatusRequested, onChange, recoveries } from "./live.ts";
import { api, locked } from "./session.ts";

/** The state of loading something. Loaded data stays visible while it is loaded again. */
export type Resource<Data> =
  | Readonly<{ state: "loading" }>
  | Readonly<{ state: "failed"; failure: Failure; reload: () => void }>
  | Readonly<{ state: "loaded"; data: Data; failure: Failure | null; reload: () => void }>;

export type Failure = Readonly<{
  /** `missing_route`: the service is older than this page; `unreachable`: there was no answer. */
  code: string;
  text: string;
  /** The records that an ambiguous id may refer to. */
  candidates: readonly string[];
}>;

/** A page's own message about an answer that is not an error of the service. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

export type Load<Data> = (client: Client, signal: AbortSignal) => PromiseLike<Data>;

/** The least time between two requests for the same resource, however often it changes. */
const PAUSE_MS = 1_000;

/**
 * Loads a resource, and loads it again after a change for which `concerns` is true, and after an
 * outage. `key` identifies the resource: another key starts a new load.
 */
export function useResource<Data>(
  key: string,
  load: Load<Data>,
  concerns: (change: Change) => boolean = () => false,
): Resource<Data> {
  const [found, setFound] = useState<Readonly<{ key: string; data?: Data; failure?: Failure }>>();
  const [round, setRound] = useState(0);
  const client = api.value;
  const isWaiting = locked.value !== null || !isStatusRequested.value;
  const reload = () => setRound((before) => before + 1);

  useEffect(() => {
    if (isWaiting) return;
    const leaving = new AbortController();
    const { signal } = leaving;
    load(client, signal).then(
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
  }, [key, client, isWaiting, round, recoveries.value]);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = onChange((change) => {
      if (timer !== undefined || !concerns(change)) return;
      timer = setTimeout(() => {
        timer = undefined;
        reload();
      }, PAUSE_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [key]);

  if (found === undefined || found.key !== key) return { state: "loading" };
  const { data, failure = null } = found;
  if (data !== undefined) return { state: "loaded", data, failure, reload };
  return failure === null ? { state: "loading" } : { state: "failed", failure, reload };
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

/** Whether a change concerns one of these models. */
export const ofModels =
  (...models: readonly string[]) =>
  ({ model }: Change): boolean =>
    models.includes(model);

/** Whether a change may concern this record. */
export const ofRecord =
  (model: string, id: string) =>
  (change: Change): boolean =>
    change.model === model && (change.id === null || change.id === id);

type LoadedProps<Data> = Readonly<{
  resource: Resource<Data>;
  children: (data: Data) => ComponentChildren;
  /** How many placeholder lines are shown while loading. */
  lines?: number;
}>;

/** Shows the loaded data, or the state of loading it. */
export function Loaded<Data>({ resource, children, lines = 4 }: LoadedProps<Data>) {
  if (resource.state === "loading") return <Loading lines={lines} />;
  if (resource.state === "failed") return <Failed {...resource} />;
  const { failure, reload, data } = resource;
  return (
    <>
      {failure !== null && <Stale failure={failure} reload={reload} />}
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

type FailedProps = Readonly<{ failure: Failure; reload: () => void }>;

/** Why something could not be loaded, in the service's words, and what to do. */
export function Failed({ failure, reload }: FailedProps) {
  const { code, text } = failure;
  if (code === "missing_route") {
    return (
      <div class="notice quiet" role="status">
        <strong>This service is older than this page.</strong>
        <p>It does not have this route yet ({text}). Everything else works.</p>
      </div>
    );
  }
  return (
    <div class="notice bad" role="alert">
      <strong>{TITLES[code] ?? "This could not be loaded."}</strong>
      <p>{text}</p>
      <p class="actions">
        <button type="button" onClick={reload}>
          Try again
        </button>
        <code>{code}</code>
      </p>
    </div>
  );
}

const TITLES: Readonly<Record<string, string>> = {
  not_found: "Nothing has this id.",
  ambiguous_id: "This id is ambiguous.",
  unreachable: "There is no connection.",
  model_unavailable: "The read model cannot be read now.",
  stream_unavailable: "The event stream cannot be read now.",
  wrong_role: "This key may not do that.",
  rate_limited: "Too many requests with this key.",
};

function Stale({ failure, reload }: FailedProps) {
  return (
    <div class="notice warn" role="status">
      This may be outdated: {failure.text}{" "}
      <button type="button" onClick={reload}>
        Try again
      </button>
    </div>
  );
}
