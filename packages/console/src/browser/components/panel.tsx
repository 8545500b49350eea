import { type ComponentChildren, Fragment } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Source } from "../lag.ts";
import { Loaded, None, type Resource } from "../resource.tsx";
import {
  atPresent,
  go,
  isPast,
  momentGiven,
  query,
  useHeading,
  useTitle,
  withQuery,
} from "../router.ts";

type HeadingProps = Readonly<{
  /** The name of the page in the browser's tab; by default what is shown. */
  title: string;
  lead?: ComponentChildren;
  class?: string;
  /** Whether the page shows the moment that is in its address. */
  hasMoment?: boolean;
  children?: ComponentChildren;
}>;

/** The heading of a page: it takes the focus when the page is opened, and says of which moment it is. */
export function Heading(props: HeadingProps) {
  const { title, lead, class: name = "", hasMoment = false, children = title } = props;
  useTitle(title);
  const moment = momentGiven();
  return (
    <div class="heading">
      <h1 class={name} tabIndex={-1} ref={useHeading()}>
        {children}
      </h1>
      {lead !== undefined && <p class="lead">{lead}</p>}
      {isPast(moment) && (
        <p class="lead">
          {hasMoment
            ? Object.entries(moment)
                .map(([name, value]) => `${MOMENTS[name]} ${value}`)
                .join(", ")
            : "This page shows the present, whatever the moment in its address"}
          . <a href={atPresent()}>Back to now</a>
        </p>
      )}
    </div>
  );
}

const MOMENTS: Readonly<Record<string, string>> = {
  as_of: "As of",
  at_position: "By the facts up to position",
  known_at: "As it was known at",
};

type PanelProps = Readonly<{
  title: ComponentChildren;
  /** Beside the title: a count, a link. */
  aside?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}>;

/** A section of a page with a heading. */
export function Panel({ title, aside, class: name = "", children }: PanelProps) {
  return (
    <section class={`panel ${name}`}>
      <header>
        <h2>{title}</h2>
        {aside !== undefined && <div class="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** A list of names and values; empty values are omitted. */
export function Facts({ of }: Readonly<{ of: readonly (readonly [string, ComponentChildren])[] }>) {
  return (
    <dl class="facts">
      {of
        .filter(([, value]) => value !== null && value !== undefined && value !== "")
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** A generated identifier: it may wrap anywhere, and a click selects all of it. */
export function Id({ children }: Readonly<{ children: string }>) {
  return <code class="id">{children}</code>;
}

export type Filter = Readonly<{
  name: string;
  title: string;
  /** The values to choose from; without it the filter is a text field. */
  choices?: readonly (string | readonly [string, string])[];
  placeholder?: string;
}>;

/** The filters of a list. They are in the address, so that a list can be shared. */
export function Filters({ filters }: Readonly<{ filters: readonly Filter[] }>) {
  const form = useRef<HTMLFormElement>(null);
  const apply = (event: Event) => {
    if (form.current === null) return;
    event.preventDefault();
    const given = new FormData(form.current);
    go(withQuery(Object.fromEntries(filters.map(({ name }) => [name, textOf(given.get(name))]))));
  };
  // The fields follow the address. They keep the focus, and what is typed until it is applied.
  useEffect(() => {
    for (const { name } of filters) {
      const field = form.current?.elements.namedItem(name) as HTMLInputElement | null;
      if (field) field.value = query.value.get(name) ?? "";
    }
  }, [query.value]);
  const isFiltered = filters.some(({ name }) => query.value.has(name));
  return (
    <form class="filters" onSubmit={apply} ref={form}>
      {filters.map(({ name, title, choices, placeholder = "any" }) => (
        <div class="filter" key={name}>
          <label for={`filter-${name}`}>{title}</label>
          {choices === undefined ? (
            <input
              id={`filter-${name}`}
              name={name}
              placeholder={placeholder}
              autocomplete="off"
              spellcheck={false}
            />
          ) : (
            <select id={`filter-${name}`} name={name} onChange={apply}>
              <option value="">any</option>
              {choices.map((choice) => {
                const [value, shown] = typeof choice === "string" ? [choice, choice] : choice;
                return (
                  <option key={value} value={value}>
                    {shown}
                  </option>
                );
              })}
            </select>
          )}
        </div>
      ))}
      <button type="submit">Apply</button>
      {isFiltered && (
        <a href={withQuery(Object.fromEntries(filters.map(({ name }) => [name, null])))}>Clear</a>
      )}
    </form>
  );
}

const textOf = (value: FormDataEntryValue | null): string | null =>
  typeof value === "string" ? value.trim() : null;

export type Column<Row> = Readonly<{
  title: string;
  cell: (row: Row) => ComponentChildren;
  kind?: "number" | "text";
  /** Hidden on narrow screens. */
  minor?: boolean;
}>;

type TableProps<Row> = Readonly<{
  /** The table's accessible name. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** A second row below a row, for details. */
  below?: (row: Row) => ComponentChildren;
  classOf?: (row: Row) => string;
}>;

/** A table that scrolls by itself if it is wider than the screen. */
export function Table<Row>({ label, columns, rows, keyOf, below, classOf }: TableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it.
    <section class="table" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} scope="col" class={classesOf(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const more = below?.(row) ?? null;
            return (
              // By its name a row keeps its focus, and what is typed in it, when others come before it.
              <Fragment key={keyOf(row)}>
                <tr class={classOf?.(row) ?? ""}>
                  {columns.map((column) => (
                    <td key={column.title} class={classesOf(column)}>
                      {column.cell(row)}
                    </td>
                  ))}
                </tr>
                {more !== null && (
                  <tr class="below">
                    <td colSpan={columns.length}>{more}</td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

const classesOf = <Row,>({ kind = "text", minor = false }: Column<Row>): string =>
  `${kind}${minor ? " minor" : ""}`;

type Listing<Row> = Readonly<{
  data: readonly Row[];
  next_cursor: string | null;
  position: string;
}>;

type ListPanelProps<Row> = Readonly<{
  title: string;
  aside?: ComponentChildren;
  resource: Resource<Listing<Row>>;
  /** What the list is read from: while it is behind, an empty list says so. */
  of: readonly Source[];
  lines?: number;
  /** The message for an empty list. */
  empty: string;
  children: (rows: readonly Row[]) => ComponentChildren;
}>;

/** One page of a list, with a link to the next one. An empty page may have successors. */
export function ListPanel<Row>(props: ListPanelProps<Row>) {
  const { title, aside, resource, of, lines = 10, empty, children } = props;
  return (
    <Panel title={title} aside={aside}>
      <Loaded resource={resource} lines={lines}>
        {({ data, next_cursor, position }) => (
          <>
            {data.length > 0 && children(data)}
            {data.length === 0 && <None of={of}>{next_cursor === null ? empty : NONE_YET}</None>}
            <Pager next={next_cursor} count={data.length} position={position} />
          </>
        )}
      </Loaded>
      {resource.state === "failed" && query.value.has("cursor") && <FirstPage />}
    </Panel>
  );
}

const FirstPage = () => <a href={withQuery({})}>First page</a>;

const NONE_YET = "No match so far: the next page continues the search.";

type PagerProps = Readonly<{
  next: string | null;
  /** Rows on this page. */
  count: number;
  /** The position at which the list was computed. */
  position: string;
}>;

/** Links to the first and the next page of a list. The latter keeps the focus when there is no further one. */
function Pager({ next, count, position }: PagerProps) {
  const separator = withQuery({}).includes("?") ? "&" : "?";
  const link =
    next === null
      ? { tabIndex: -1, "aria-disabled": true }
      : { rel: "next", href: `${withQuery({})}${separator}cursor=${encodeURIComponent(next)}` };
  const isFirst = !query.value.has("cursor");
  return (
    <nav class="pager" aria-label="Pages of this list">
      <span class="quiet">
        {count} shown, at position {position}
      </span>
      {!isFirst && <FirstPage />}
      {!(isFirst && next === null) && (
        <a class="button" {...link}>
          {next === null ? "Last page" : "Next page"}
        </a>
      )}
    </nav>
  );
}
