import { go, query, withQuery } from "../router.ts";

export type Filter = Readonly<{
  name: string;
  title: string;
  /** What can be chosen; without it anything can be given. */
  choices?: readonly (string | readonly [string, string])[];
  placeholder?: string;
}>;

/** What a list is narrowed by. It stands in the address, so that a list can be shared. */
export function Filters({ filters }: Readonly<{ filters: readonly Filter[] }>) {
  const apply = (event: Event) => {
    const form = (event.currentTarget as HTMLElement).closest("form");
    if (form === null) return;
    event.preventDefault();
    const given = new FormData(form);
    go(withQuery(Object.fromEntries(filters.map(({ name }) => [name, textOf(given.get(name))]))));
  };
  const isNarrowed = filters.some(({ name }) => query.value.has(name));
  return (
    <form class="filters" onSubmit={apply} key={query.value.toString()}>
      {filters.map(({ name, title, choices, placeholder = "any" }) => (
        <div class="filter" key={name}>
          <label for={`filter-${name}`}>{title}</label>
          {choices === undefined ? (
            <input
              id={`filter-${name}`}
              name={name}
              defaultValue={query.value.get(name) ?? ""}
              placeholder={placeholder}
              autocomplete="off"
              spellcheck={false}
            />
          ) : (
            <select
              id={`filter-${name}`}
              name={name}
              onChange={apply}
              value={query.value.get(name) ?? ""}
            >
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
      {isNarrowed && (
        <a href={withQuery(Object.fromEntries(filters.map(({ name }) => [name, null])))}>Clear</a>
      )}
    </form>
  );
}

const textOf = (value: FormDataEntryValue | null): string | null =>
  typeof value === "string" ? value.trim() : null;

/** The filters that the address gives, as parameters of a question. */
export function givenBy<Name extends string>(
  names: readonly Name[],
): Readonly<Partial<Record<Name, string>>> {
  const entries = names.map((name) => [name, query.value.get(name)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== null)) as Partial<
    Record<Name, string>
  >;
}
