import { Panel } from "../components/panel.tsx";
import { Loaded } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import { useTitle } from "../page.ts";
import { useResource } from "../resource.ts";
import { query } from "../router.ts";
import { matchedText, search } from "../search.ts";

/** Everything that has an identifier. */
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
            ? "Press / and give any identifier: an account, a run, a movement, a transaction's hash, a delivery."
            : `What has the identifier “${text}”.`}
        </p>
      </div>
      <Panel title="Found">
        <Loaded resource={found}>
          {(results) =>
            results.length === 0 ? (
              <p class="empty">Nothing has this identifier.</p>
            ) : (
              <Table
                label="What was found"
                rows={results}
                keyOf={({ path }) => path}
                columns={[
                  { title: "kind", cell: ({ kind }) => kind },
                  { title: "what", cell: ({ path, title }) => <a href={path}>{title}</a> },
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
