import type { ComponentChildren } from "preact";

export type Column<Row> = Readonly<{
  title: string;
  cell: (row: Row) => ComponentChildren;
  kind?: "number" | "text";
  /** Left out where there is little room. */
  minor?: boolean;
}>;

type TableProps<Row> = Readonly<{
  /** What the rows are, for those who do not see the heading above. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** A second row below one, such as what it is made of. */
  below?: (row: Row) => ComponentChildren;
  classOf?: (row: Row) => string;
}>;

/** Rows in columns; too wide for the screen, it moves by itself and not the page. */
export function Table<Row>({ label, columns, rows, keyOf, below, classOf }: TableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: who has no mouse moves it by the keyboard.
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
            return [
              <tr key={keyOf(row)} class={classOf?.(row) ?? ""}>
                {columns.map((column) => (
                  <td key={column.title} class={classesOf(column)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>,
              more !== null && (
                <tr key={`${keyOf(row)} below`} class="below">
                  <td colSpan={columns.length}>{more}</td>
                </tr>
              ),
            ];
          })}
        </tbody>
      </table>
    </section>
  );
}

const classesOf = <Row,>({ kind = "text", minor = false }: Column<Row>): string =>
  `${kind}${minor ? " minor" : ""}`;
