import type { ComponentChildren } from "preact";

type PanelProps = Readonly<{
  title: ComponentChildren;
  /** Beside the title: a count, a link. */
  aside?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}>;

/** A part of a page with a heading of its own. */
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

/** Names and what they stand for; what is null is left out. */
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

/** Text that a program made: it may break anywhere, and a click on it selects it whole. */
export function Id({ children }: Readonly<{ children: string }>) {
  return <code class="id">{children}</code>;
}
