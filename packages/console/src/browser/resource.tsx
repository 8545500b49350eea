import { type Client, ProblemError } from "@counterfoil/client";
import { effect, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { behindIn, lagText, type Source } from "./lag.ts";
import { currentVersion, isStatusRequested, status, useShown } from "./live.ts";
import { api, locked } from "./session.ts";
import { withoutDirections } from "./text.ts";

/** The state of loading something. Loaded data stays visible while it is loaded again. */
export type Resource<Data> =
  | Readonly<{ state: "loading" }>
  | Readonly<{ state: "failed"; failure: Failure; reload: () => void }>
  | Readonly<{
      state: "loaded";
      data: Data;
      /** Why the latest attempt to load it again failed. */
      failure: Failure | null;
      /** It is of the former key, and shown until that of the new key comes. */
      isFormer: boolean;
      reload: () => void;
    }>;

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

type Load<Data> = (client: Client, signal: AbortSignal) => PromiseLike<Data>;

type Found<Data> = Readonly<{ key: string; data?: Data; failure: Failure | null }>;

/** An answer that takes longer is not the present when it comes. */
const SLOW_MS = 2_000;
const SLOW: Failure = {
  code: "slow",
  text: "The service takes long to answer.",
  candidates: [],
};

/**
 * Loads a resource, and loads it again whenever one of its sources has moved, and after an outage.
 * Nothing has to say that this very record has changed: what may have changed is asked for.
 *
 * @param key identifies the resource: another key starts a new load
 * @param sources what the answer is read from
 */
export function useResource<Data>(
  key: string,
  sources: readonly Source[],
  load: Load<Data>,
): Resource<Data> {
  const [found, setFound] = useState<Found<Data>>();
  const round = useSignal(0);
  const client = api.value;
  const isWaiting = locked.value !== null || !isStatusRequested.value;
  useShown(sources);

  useEffect(() => {
    if (isWaiting) return;
    const leaving = new AbortController();
    const { signal } = leaving;
    void keepLoaded({
      load: () => load(client, signal),
      version: () => `${round.value} ${currentVersion(sources)}`,
      onData: (data, failure) => setFound({ key, data, failure }),
      onFailure: (failure) =>
        setFound((before) => ({ ...(before?.key === key && before), key, failure })),
      onSlow: () =>
        setFound((before) => (before?.data === undefined ? before : { ...before, failure: SLOW })),
      signal,
    });
    return () => leaving.abort();
  }, [key, client, isWaiting]);

  const reload = () => {
    round.value += 1;
  };
  if (found === undefined) return { state: "loading" };
  const { data, failure } = found;
  const isFormer = found.key !== key;
  if (data !== undefined) return { state: "loaded", data, failure, isFormer, reload };
  if (isFormer || failure === null) return { state: "loading" };
  return { state: "failed", failure, reload };
}

type Loading<Data> = Readonly<{
  load: () => PromiseLike<Data>;
  version: () => string;
  onData: (data: Data, failure: Failure | null) => void;
  onFailure: (failure: Failure) => void;
  onSlow: () => void;
  signal: AbortSignal;
}>;

/**
 * One request after the other, until the signal aborts. A request that runs is not replaced, however often
 * its sources move: where answers take long, they come nevertheless.
 */
async function keepLoaded<Data>(loading: Loading<Data>): Promise<void> {
  const { load, version, onData, onFailure, onSlow, signal } = loading;
  while (!signal.aborted) {
    const requested = version();
    let isSlow = false;
    const slow = setTimeout(() => {
      isSlow = true;
      if (!signal.aborted) onSlow();
    }, SLOW_MS);
    try {
      const data = await load();
      if (!signal.aborted) onData(data, isSlow ? SLOW : null);
    } catch (error) {
      if (!signal.aborted) onFailure(failureOf(error));
    } finally {
      clearTimeout(slow);
    }
    await whenTrue(() => version() !== requested, signal);
  }
}

/** Once a condition over signals is true, or the signal aborts. */
function whenTrue(isTrue: () => boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      signal.removeEventListener("abort", end);
      // Deferred: `stop` is not assigned yet if the effect ends in its first run.
      queueMicrotask(() => stop());
      resolve();
    };
    signal.addEventListener("abort", end);
    const stop = effect(() => {
      if (signal.aborted || isTrue()) end();
    });
  });
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
  const { failure, reload, data, isFormer } = resource;
  return (
    <>
      {isFormer && <Former />}
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

/** Everything after it is of what was asked for before: it stays, but without colours. */
const Former = () => (
  <span class="former" role="status">
    Loading
  </span>
);

export function Empty({ children }: Readonly<{ children: ComponentChildren }>) {
  return <p class="empty">{children}</p>;
}

type NoneProps = Readonly<{ of: readonly Source[]; children: ComponentChildren }>;

/** Says that there is nothing, if these can say so now: a model that is behind has not read everything. */
export function None({ of, children }: NoneProps) {
  const behind = behindIn(status.value, of);
  return <Empty>{behind.length === 0 ? children : `None so far: ${lagText(behind)}.`}</Empty>;
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
      <p>{withoutDirections(text)}</p>
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
