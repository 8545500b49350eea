import { type ComponentChildren, render } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { AddressName } from "../addresses.ts";
import { Heading } from "./components/panel.tsx";
import { Time } from "./components/values.tsx";
import { figuresText, statesText } from "./lag.ts";
import { behind, follow, type Outage, outage, recoveries, refreshStatus, status } from "./live.ts";
import { MoneyPage } from "./pages/money.tsx";
import { Failed, Loading } from "./resource.tsx";
import { arrive, followLinks, keepFocus, type Page, pathTo, place, title } from "./router.ts";
import { SearchBox, SearchPage } from "./search.tsx";
import {
  applyTheme,
  askForKey,
  continueWithoutKey,
  hasKey,
  isKeyOptional,
  locked,
  logIn,
  logOut,
  switchTheme,
  switchZone,
  theme,
  zone,
} from "./session.ts";

/** A page of the entry bundle, or one that is loaded on navigation. */
type Source = Readonly<{ page: Page }> | (() => Promise<Page>);

const PAGES: Readonly<Record<AddressName, Source>> = {
  money: { page: MoneyPage },
  accounts: async () => (await import("./pages/accounts.tsx")).AccountsPage,
  account: async () => (await import("./pages/accounts.tsx")).AccountPage,
  withdrawals: async () => (await import("./pages/lifecycles.tsx")).WithdrawalsPage,
  withdrawal: async () => (await import("./pages/lifecycles.tsx")).WithdrawalPage,
  deposits: async () => (await import("./pages/lifecycles.tsx")).DepositsPage,
  deposit: async () => (await import("./pages/lifecycles.tsx")).DepositPage,
  trades: async () => (await import("./pages/lifecycles.tsx")).TradesPage,
  trade: async () => (await import("./pages/lifecycles.tsx")).TradePage,
  attention: async () => (await import("./pages/attention.tsx")).AttentionPage,
  anomaly: async () => (await import("./pages/attention.tsx")).AnomalyPage,
  run: async () => (await import("./pages/stream.tsx")).RunPage,
  deliveries: async () => (await import("./pages/deliveries.tsx")).DeliveriesPage,
  delivery: async () => (await import("./pages/deliveries.tsx")).DeliveryPage,
  stream: async () => (await import("./pages/stream.tsx")).StreamPage,
  event: async () => (await import("./pages/stream.tsx")).EventPage,
  projections: async () => (await import("./pages/projections.tsx")).ProjectionsPage,
  search: { page: SearchPage },
};

const NAVIGATION: readonly NavLink[] = [
  { name: "money", title: "Is the money right?", within: [] },
  { name: "accounts", title: "Accounts", within: ["account"] },
  { name: "withdrawals", title: "Withdrawals", within: ["withdrawal"] },
  { name: "deposits", title: "Deposits", within: ["deposit"] },
  { name: "trades", title: "Trades", within: ["trade"] },
  { name: "attention", title: "Attention", within: ["anomaly"] },
  { name: "deliveries", title: "Deliveries", within: ["delivery"] },
  { name: "stream", title: "Stream", within: ["event", "run"] },
  { name: "projections", title: "Projections", within: [] },
];

/** The page of the current address. */
function CurrentPage() {
  const here = place.value;
  const source = here === null ? null : PAGES[here.name];
  const [loaded, setLoaded] = useState<LoadedPage | null>(null);
  useEffect(() => {
    if (typeof source !== "function" || pageOf(loaded, source) !== null) return;
    let isLeft = false;
    const show = (page: Page | null) => isLeft || setLoaded({ source, page });
    source().then(show, () => show(null));
    return () => {
      isLeft = true;
    };
  }, [source, recoveries.value]);
  if (here === null || source === null) return <Heading title="There is no such page." />;
  const page = typeof source !== "function" ? source.page : pageOf(loaded, source);
  if (page === null && loaded?.source === source) return <NotLoaded />;
  if (page === null) return <Loading lines={6} />;
  const Shown = page;
  return <Shown key={JSON.stringify(here)} parameters={here.parameters} />;
}

/** `page` is null if its script could not be loaded. */
type LoadedPage = Readonly<{ source: Source; page: Page | null }>;

const pageOf = (loaded: LoadedPage | null, source: Source): Page | null =>
  loaded?.source === source ? loaded.page : null;

/** A newer service has other scripts: only a reload of the whole document finds their names. */
const NotLoaded = () => (
  <>
    <Heading title="This page could not be loaded." />
    <Failed
      failure={{ code: "unreachable", text: "This page's script does not come.", candidates: [] }}
      reload={() => location.reload()}
    />
  </>
);

function Console() {
  if (locked.value !== null) return <Login />;
  return (
    <Layout links={NAVIGATION}>
      <CurrentPage />
    </Layout>
  );
}

type NavLink = Readonly<{
  name: AddressName;
  title: string;
  /** Addresses below it, for which the link is also marked as current. */
  within: readonly AddressName[];
}>;

type LayoutProps = Readonly<{ links: readonly NavLink[]; children: ComponentChildren }>;

/** The frame of every page. */
function Layout({ links, children }: LayoutProps) {
  useScrollPadding();
  const isPresent = outage.value === null && behind.value.length === 0;
  return (
    <>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <div class="above">
        {outage.value !== null && <OutageBanner outage={outage.value} />}
        {outage.value === null && !isPresent && <BehindBanner />}
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
      </div>
      <main id="main" class={isPresent ? "" : "outdated"} tabIndex={-1}>
        {children}
      </main>
      <Footer />
      <p class="unseen" role="status">
        {title.value}
      </p>
    </>
  );
}

/** Says on every page, and wherever it is scrolled, that what is shown is not the present. */
const OutageBanner = ({ outage: { asOf, reason } }: Readonly<{ outage: Outage }>) => (
  <div class="outage" role="alert">
    <strong>{asOf === null ? "No data comes." : "What is shown is outdated."}</strong>{" "}
    {asOf !== null && (
      <>
        It is as of <Time at={asOf} /> by this machine's clock.{" "}
      </>
    )}
    {reason} The page tries again by itself.
  </div>
);

/** Says the same where the service answers, from models that do not keep up with the stream. */
const BehindBanner = () => (
  <div class="outage">
    <span role="alert">
      <strong>What is shown is outdated:</strong> {statesText(behind.value)}.
    </span>{" "}
    <span class="quiet">{figuresText(behind.value)}.</span>
  </div>
);

/** Keeps what has the focus from being hidden by what stays in place at the top and at the bottom. */
function useScrollPadding(): void {
  useEffect(() => {
    const fixed = [".above", ".foot"].map((name) => document.querySelector<HTMLElement>(name));
    const observer = new ResizeObserver(() => {
      const [above = 0, below = 0] = fixed.map((element) => (element?.offsetHeight ?? 0) + 8);
      document.documentElement.style.scrollPaddingBlock = `${above}px ${below}px`;
    });
    for (const element of fixed) if (element !== null) observer.observe(element);
    return () => observer.disconnect();
  }, []);
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
  const fault = outage.value?.reason ?? statesText(behind.value);
  return (
    <footer class="foot">
      <span class={`pulse ${fault === "" ? "good" : "bad"}`} aria-hidden="true" />
      <span role="status">{fault || "live"}</span>
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
function Login() {
  const [refusal, setRefusal] = useState<string | null>(null);
  const [isChecking, setChecking] = useState(false);
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => field.current?.focus(), []);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    setChecking(true);
    arrive();
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
          ref={field}
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
          <button
            type="button"
            onClick={() => {
              arrive();
              continueWithoutKey();
            }}
          >
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

applyTheme();
followLinks();
keepFocus();
follow();
const root = document.getElementById("console");
if (root !== null) render(<Console />, root);
