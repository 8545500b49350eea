import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import type { AddressName } from "../../addresses.ts";
import { connectionProblem, isStreaming, refreshStatus, status } from "../live.ts";
import { switchTheme, switchZone, theme, zone } from "../preferences.ts";
import { pathTo, place } from "../router.ts";
import { SearchBox } from "../search.tsx";
import {
  askForKey,
  continueWithoutKey,
  hasKey,
  isKeyOptional,
  locked,
  logIn,
  logOut,
} from "../session.ts";

export type NavLink = Readonly<{
  name: AddressName;
  title: string;
  /** Addresses below it, for which the link is also marked as current. */
  within: readonly AddressName[];
}>;

type LayoutProps = Readonly<{ links: readonly NavLink[]; children: ComponentChildren }>;

/** The frame of every page. */
export function Layout({ links, children }: LayoutProps) {
  return (
    <>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <header class="top">
        <a class="brand" href={pathTo("money")}>
          <Stub />
          <span>Counterfoil</span>
        </a>
        <nav aria-label="Pages of the console">
          {links.map((link) => (
            <a
              key={link.name}
              href={pathTo(link.name)}
              {...(isWithin(link) && { "aria-current": "page" as const })}
            >
              {link.title}
            </a>
          ))}
        </nav>
        <SearchBox />
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <Footer />
    </>
  );
}

const isWithin = ({ name, within }: NavLink): boolean => {
  const here = place.value?.name;
  return here !== undefined && (here === name || within.includes(here));
};

const Stub = () => (
  <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
    <path d="M4 8h24v5.2a2.8 2.8 0 0 0 0 5.6V24H4v-5.2a2.8 2.8 0 0 0 0-5.6z" />
    <path class="tear" d="M20 9.5v13" stroke-dasharray="2 1.8" />
  </svg>
);

/** The ledger, its position, and the display settings. */
function Footer() {
  const now = status.value;
  return (
    <footer class="foot">
      <span
        class={`pulse ${connectionProblem.value === null ? "good" : "bad"}`}
        aria-hidden="true"
      />
      <span role="status">
        {connectionProblem.value ?? (isStreaming.value ? "live" : "polling every 2 s")}
      </span>
      {now !== null && (
        <span>
          ledger <b>{now.ledger}</b>
        </span>
      )}
      {now !== null && <span class="minor">{now.environment}</span>}
      {now !== null && <span class="minor">{now.engine}</span>}
      {now !== null && (
        <span>
          position <b class="number">{now.head}</b>
        </span>
      )}
      <span class="spread" />
      <button type="button" onClick={switchZone}>
        {zone.value === "utc" ? "Times: UTC" : "Times: local"}
      </button>
      <button type="button" onClick={switchTheme}>
        Theme: {theme.value}
      </button>
      <button type="button" onClick={hasKey.value ? logOut : askForKey}>
        {hasKey.value ? "Log out" : "Key"}
      </button>
    </footer>
  );
}

/** The form for the key. Autocomplete is off, so that browsers do not store it as a password. */
export function Login() {
  const [refusal, setRefusal] = useState<string | null>(null);
  const [isChecking, setChecking] = useState(false);
  const id = useId();
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    setChecking(true);
    setRefusal(await logIn(String(new FormData(form).get("key") ?? "")));
    setChecking(false);
    await refreshStatus();
  };
  return (
    <main class="login" id="main">
      <form onSubmit={submit} autocomplete="off">
        <h1>Counterfoil</h1>
        <p class="quiet">{locked.value}</p>
        <label for={id}>API key</label>
        <input
          id={id}
          name="key"
          type="password"
          autocomplete="off"
          spellcheck={false}
          placeholder="cf_…"
          required
          autofocus
          aria-describedby={`${id}-why`}
        />
        {refusal !== null && (
          <p class="notice bad" role="alert">
            {refusal}
          </p>
        )}
        <button type="submit" class="primary" disabled={isChecking}>
          {isChecking ? "Checking…" : "Open the ledger"}
        </button>
        {isKeyOptional.value && (
          <button type="button" onClick={continueWithoutKey}>
            Continue without a key
          </button>
        )}
        <div id={`${id}-why`} class="quiet">
          <p>
            The key stays in the memory of this page: a reload asks for it again. To create one, run
          </p>
          <pre>counterfoil keys create --role reader</pre>
        </div>
      </form>
    </main>
  );
}
