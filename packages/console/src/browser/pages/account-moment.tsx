import { isPast, momentGiven } from "../moment.ts";
import { go, query, withQuery } from "../router.ts";

/** Goes to what was true at one time, by what was known at another; both stand in the address. */
export function MomentForm() {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const textOf = (name: string) => asTime(String(given.get(name) ?? ""));
    go(withQuery({ as_of: textOf("as_of"), known_at: textOf("known_at") }));
  };
  return (
    <form class="filters moment" onSubmit={submit} key={query.value.toString()}>
      <Field name="as_of" title="As it was at (UTC)" />
      <Field name="known_at" title="By what was known at (UTC)" />
      <button type="submit">Go there</button>
      {isPast(momentGiven()) && (
        <a href={withQuery({ as_of: null, known_at: null })}>Back to now</a>
      )}
    </form>
  );
}

function Field({ name, title }: Readonly<{ name: string; title: string }>) {
  return (
    <div class="filter">
      <label for={`moment-${name}`}>{title}</label>
      <input
        id={`moment-${name}`}
        name={name}
        defaultValue={query.value.get(name) ?? ""}
        placeholder="2026-01-31T12:00:00Z"
        autocomplete="off"
        spellcheck={false}
        size={30}
      />
    </div>
  );
}

/** A day or a minute is enough to be written; the service wants all of it. */
function asTime(text: string): string {
  const given = text.trim().replace(" ", "T");
  if (/^\d{4}-\d{2}-\d{2}$/.test(given)) return `${given}T00:00:00Z`;
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}Z?$/.test(given)) return `${given.replace("Z", "")}:00Z`;
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?$/.test(given)) return `${given}Z`;
  return given;
}
