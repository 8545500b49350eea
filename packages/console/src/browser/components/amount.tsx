import type { Column } from "./list.tsx";

type AmountProps = Readonly<{
  /** An exact decimal as text, null if unknown. It is never converted to a number. */
  value: string | null | undefined;
  /** The greatest number of decimals in the column, which aligns the decimal points. */
  fraction?: number;
  /** Shows a plus before a positive change. */
  signed?: boolean;
  asset?: string | null;
}>;

/** An amount in full. CSS separates thousands, so that copied text is exact. */
export function Amount({ value, fraction = 0, signed = false, asset }: AmountProps) {
  if (value === null || value === undefined) {
    return (
      <span class="amount unknown" title="not reported">
        –
      </span>
    );
  }
  const { sign, whole, rest } = partsOf(value);
  const plus = signed && sign === "" && isNonZero(value) ? "+" : "";
  return (
    <span class={`amount ${sign === "-" ? "negative" : ""}`}>
      {sign}
      {plus}
      {groupsOf(whole).map((group, at) => (
        <span key={at} class="group">
          {group}
        </span>
      ))}
      {rest !== "" && <span class="rest">.{rest}</span>}
      <span class="pad" data-pad={padding(rest.length, fraction)} />
      {asset != null && <span class="asset"> {asset}</span>}
    </span>
  );
}

const padding = (length: number, wanted: number): string =>
  length >= wanted ? "" : `${length === 0 ? "." : ""}${"0".repeat(wanted - length)}`;

function partsOf(value: string) {
  const [, sign = "", whole = value, rest = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(value) ?? [];
  return { sign, whole, rest };
}

function groupsOf(whole: string): readonly string[] {
  const first = whole.length % 3;
  const groups = whole.slice(first).match(/\d{3}/g) ?? [];
  return first === 0 ? groups : [whole.slice(0, first), ...groups];
}

const isNonZero = (value: string | null): boolean => value !== null && /[1-9]/.test(value);

export const fractionOf = (values: readonly (string | null | undefined)[]): number =>
  Math.max(0, ...values.map((value) => (value == null ? 0 : partsOf(value).rest.length)));

/** A column of amounts with aligned decimal points. */
export function amountColumn<Row>(
  title: string,
  rows: readonly Row[],
  pick: (row: Row) => string | null | undefined,
  options: Readonly<{
    signed?: boolean;
    minor?: boolean;
    asset?: (row: Row) => string | null;
  }> = {},
): Column<Row> {
  const fraction = fractionOf(rows.map(pick));
  const { signed = false, minor = false, asset } = options;
  return {
    title,
    kind: "number",
    minor,
    cell: (row) => (
      <Amount
        value={pick(row)}
        fraction={fraction}
        signed={signed}
        {...(asset && { asset: asset(row) })}
      />
    ),
  };
}
