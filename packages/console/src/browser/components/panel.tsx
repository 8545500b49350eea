import type { ComponentChildren } from "preact";

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
