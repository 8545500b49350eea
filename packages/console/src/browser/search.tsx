import type { AnswerOf } from "@counterfoil/client";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { withoutDots } from "../addresses.ts";
import { Heading, Panel, Table } from "./components/panel.tsx";
import { MODELS } from "./lag.ts";
import { Loaded, None, useResource } from "./resource.tsx";
import { focusHeading, go, pathTo, query } from "./router.ts";
import { api } from "./session.ts";

/** A record with the identifier; `matched` names the field that matched. */
type SearchResult = AnswerOf<"search">["data"][number];

/** The name of the matched field, in words. */
const matchedText = ({ matched }: SearchResult): string => matched.replaceAll("_", " ");

/** Everything with this identifier, best match first. */
async function search(q: string, signal: AbortSignal): Promise<readonly SearchResult[]> {
  const { data } = await api.value.search({ q }, { signal });
  return data.map((result) => ({ ...result, path: withoutDots(result.path) }));
}

const PAUSE_MS = 120;

/** Finds records by any identifier, on every page: `/` focuses the field, Enter opens the first result. */
export function SearchBox() {
  const field = useRef<HTMLInputElement>(null);
  const typed = () => field.current?.value.trim() ?? "";
  const { found, runSearch, close } = useSearch(typed);
  const [chosen, setChosen] = useState(0);
  const listId = useId();
  const optionId = (at: number) => `${listId}-${at}`;
  const results = found?.results ?? null;
  useSlash(() => {
    field.current?.focus();
    field.current?.select();
  });
  const open = (path: string) => {
    close();
    if (field.current !== null) field.current.value = "";
    go(path);
    // Of this page, if the result is on it: the heading of another one takes the focus from there.
    focusHeading();
  };
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const text = typed();
    if (text === "") return;
    // What is listed may be what a former text has found.
    if (found?.text === text) return open(pathIn(found.results[chosen], text));
    const [first] = (await runSearch(0)) ?? [];
    if (typed() === text) open(pathIn(first, text));
  };
  const move = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
    const step = STEPS[event.key];
    if (step === undefined || results === null || results.length === 0) return;
    event.preventDefault();
    setChosen((chosen + step + results.length) % results.length);
  };
  const active = results !== null && results.length > 0 ? optionId(chosen) : null;
  return (
    <search class="search">
      <form onSubmit={(event) => void submit(event)}>
        <input
          {...COMBOBOX}
          {...{ "aria-expanded": results !== null, "aria-controls": listId }}
          {...(active !== null && { "aria-activedescendant": active })}
          ref={field}
          aria-label="Search by any identifier"
          placeholder="Search any identifier"
          onInput={() => {
            setChosen(0);
            void runSearch(PAUSE_MS);
          }}
          onKeyDown={move}
          onBlur={close}
        />
        <span class="key">/</span>
      </form>
      <div id={listId} class="results" role="listbox" aria-label="Found" hidden={results === null}>
        {results?.map((result, at) => (
          <Option
            key={result.path}
            id={optionId(at)}
            result={result}
            isChosen={at === chosen}
            open={open}
          />
        ))}
        {results?.length === 0 && <p class="quiet">Nothing has this identifier.</p>}
      </div>
    </search>
  );
}

/** Where Enter leads: without a result to the page of all. */
const pathIn = (result: SearchResult | undefined, text: string): string =>
  result?.path ?? pathTo("search", {}, { q: text });

const STEPS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1 };

/** Attributes of a search field with its own result list; Preact's types lack this combination. */
const COMBOBOX = {
  type: "search",
  role: "combobox",
  "aria-autocomplete": "list",
  autocomplete: "off",
  spellcheck: false,
} as object;

type OptionProps = Readonly<{
  id: string;
  result: SearchResult;
  isChosen: boolean;
  open: (path: string) => void;
}>;

function Option({ id, result, isChosen, open }: OptionProps) {
  const { kind, title, path } = result;
  return (
    <div
      id={id}
      role="option"
      tabIndex={-1}
      aria-selected={isChosen}
      // Runs before the field loses the focus, which closes the list.
      onMouseDown={(event) => {
        event.preventDefault();
        open(path);
      }}
    >
      <span class="kind">{kind}</span> <bdi>{title}</bdi>
      <small>
        {result.id !== title && <code>{result.id}</code>} by {matchedText(result)}
      </small>
    </div>
  );
}

/** What a text has found. */
type FoundByText = Readonly<{ text: string; results: readonly SearchResult[] }>;

/** What the text in the field finds, or a former one; null while there is no search. */
function useSearch(typed: () => string) {
  const [found, setFound] = useState<FoundByText | null>(null);
  const running = useRef(new AbortController());
  const close = () => {
    running.current.abort();
    setFound(null);
  };
  const runSearch = async (waitMs: number): Promise<readonly SearchResult[] | null> => {
    running.current.abort();
    running.current = new AbortController();
    const { signal } = running.current;
    const text = typed();
    if (text === "") {
      setFound(null);
      return null;
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (signal.aborted) return null;
    const results = await search(text, signal).catch(() => null);
    if (signal.aborted || results === null) return null;
    setFound({ text, results });
    return results;
  };
  return { found, runSearch, close };
}

/** Handles the key `/`, except in text fields. */
function useSlash(onSlash: () => void): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "/" || isTyping(event.target)) return;
      event.preventDefault();
      onSlash();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  });
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches("input, textarea, select");

/** The page of search results. */
export function SearchPage() {
  const text = query.value.get("q") ?? "";
  const found = useResource(`search ${text}`, MODELS, async (_, signal) =>
    text === "" ? [] : search(text, signal),
  );
  return (
    <>
      <Heading
        title={text === "" ? "Search" : `Search ${text}`}
        lead={
          text === "" ? (
            "Press / and enter any identifier: an account, a run, a movement, a transaction's hash, a delivery."
          ) : (
            <>
              Everything with the identifier “<bdi>{text}</bdi>”.
            </>
          )
        }
      >
        Search
      </Heading>
      <Panel title="Found">
        <Loaded resource={found}>
          {(results) =>
            results.length === 0 ? (
              <None of={MODELS}>Nothing has this identifier.</None>
            ) : (
              <Table
                label="Results"
                rows={results}
                keyOf={({ path }) => path}
                columns={[
                  { title: "kind", cell: ({ kind }) => kind },
                  { title: "name", cell: ({ path, title }) => <a href={path}>{title}</a> },
                  { title: "id", minor: true, cell: ({ id }) => <code class="id">{id}</code> },
                  { title: "found by", cell: matchedText },
                ]}
              />
            )
          }
        </Loaded>
      </Panel>
    </>
  );
}
