import { query, withQuery } from "../router.ts";

type PagerProps = Readonly<{
  next: string | null;
  /** Rows on this page. */
  count: number;
  /** Position that the list was computed at. */
  position: string;
}>;

/** The way to the next page of a list, as an address of its own. */
export function Pager({ next, count, position }: PagerProps) {
  const isFirst = !query.value.has("cursor");
  const separator = withQuery({}).includes("?") ? "&" : "?";
  return (
    <nav class="pager" aria-label="Pages of this list">
      <span class="quiet">
        {count} shown, at position {position}
      </span>
      {!isFirst && <a href={withQuery({})}>First page</a>}
      {!isFirst && (
        <button type="button" onClick={() => history.back()}>
          Back
        </button>
      )}
      {next !== null && (
        <a
          class="button"
          rel="next"
          href={`${withQuery({})}${separator}cursor=${encodeURIComponent(next)}`}
        >
          Next page
        </a>
      )}
    </nav>
  );
}
