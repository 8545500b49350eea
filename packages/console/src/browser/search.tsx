import type { AnswerOf } from "@counterfoil/client";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Panel, Table } from "./components/panel.tsx";
import { Empty, Loaded, useResource } from "./resource.tsx";
import { go, pathTo, query, useTitle } from "./router.ts";
import { api } from "./session.ts";

/** A record with the identifier; `matched` names the field that matched. */
type SearchResult = AnswerOf<"search">["data"][number];

/** The name of the matched field, in words. */
const matchedText = ({ matched }: SearchResult): string => matched.replaceAll("_", " ");

/** Everything with this identifier, best match first. */
async function search(q: string, signal: AbortSignal): Promise<readonly SearchResult[]> {
  const { data } = await api.value.search({ q }, { signal });
  return data;
}

const PAUSE_MS = 120;

/** Finds records by any identifier, on every page: `/` focuses the field, Enter opens the first result. */
export function SearchBox() {
  const field = useRef<HTMLInputElement>(null);
  const { results, runSearch, close } = useSearch(() => field.current?.value.trim() ?? "");
  const [chosen, setChosen] = useState(0);
  const listId = useId();
  useSlash(() => {
    field.current?.focus();
    field.current?.select();
  });
  const open = (path: string) => {
    close();
    if (field.current !== null) field.current.value = "";
    field.current?.blur();
    go(path);
  };
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const text = field.current?.value.trim() ?? "";
    if (text === "") return;
    const found = results ?? (await runSearch(0));
    open((found?.[chosen] ?? found?.[0])?.path ?? pathTo("search", {}, { q: text }));
  };
  const move = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
    const step = STEPS[event.key];
    if (step === undefined || results === null || results.length === 0) return;
    event.preventDefault();
    setChosen((chosen + step + results.length) % results.length);
  };
  return (
    <search class="search">
      <form onSubmit={submit}>
        <input
          {...COMBOBOX}
          {...{ "aria-expanded": results !== null, "aria-controls": listId }}
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
          <Option key={result.path} result={result} isChosen={at === chosen} open={open} />
        ))}
        {results?.length === 0 && <p class="quiet">Nothing has this identifier.</p>}
      </div>
    </search>
  );
}

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
  result: SearchResult;
  isChosen: boolean;
  open: (path: string) => void;
}>;

function Option({ result, isChosen, open }: OptionProps) {
  const { kind, title, id, path } = result;
  return (
    <div
      role="option"
      tabIndex={-1}
      aria-selected={isChosen}
      // Runs before the field loses the focus, which closes the list.
      onMouseDown={(event) => {
        event.preventDefault();
        open(path);
      }}
    >
      <span class="kind">{kind}</span> {title}
      <small>
        {id !== title && <code>{id}</code>} by {matchedText(result)}
      </small>
    </div>
  );
}

/** The results for the text in the field; null while there is no search. */
function useSearch(text: () => string) {
  const [results, setResults] = useState<readonly SearchResult[] | null>(null);
  const running = useRef(new AbortController());
  const close = () => {
    running.current.abort();
    setResults(null);
  };
  const runSearch = async (waitMs: number): Promise<readonly SearchResult[] | null> => {
    running.current.abort();
    running.current = new AbortController();
    const { signal } = running.current;
    if (text() === "") {
      setResults(null);
      return null;
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (signal.aborted) return null;
    const found = await search(text(), signal).catch(() => null);
    if (signal.aborted || found === null) return null;
    setResults(found);
    return found;
  };
  return { results, runSearch, close };
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
  useTitle(text === "" ? "Search" : `Search ${text}`);
  const found = useResource(`search ${text}`, async (_, signal) =>
    text === "" ? [] : search(text, signal),
  );
  return (
    <>
      <div class="heading">
        <h1>Search</h1>
        <p class="lead">
          {text === ""
            ? "Press / and enter any identifier: an account, a run, a movement, a transaction's hash, a delivery."
            : `Everything with the identifier “${text}”.`}
        </p>
      </div>
      <Panel title="Found">
        <Loaded resource={found}>
          {(results) =>
            results.length === 0 ? (
              <Empty>Nothing has this identifier.</Empty>
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
