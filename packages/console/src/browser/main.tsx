import { type ComponentChildren, render } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import type { AddressName } from "../addresses.ts";
import { Time } from "./components/values.tsx";
import {
  follow,
  isStreaming,
  type Outage,
  outage,
  recoveries,
  refreshStatus,
  status,
} from "./live.ts";
import { MoneyPage } from "./pages/money.tsx";
import { Failed, Loading } from "./resource.tsx";
import { followLinks, type Page, pathTo, place } from "./router.ts";
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
  if (here === null || source === null) return <h1>There is no such page.</h1>;
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
  <Failed
    failure={{ code: "unreachable", text: "This page's script does not come.", candidates: [] }}
    reload={() => location.reload()}
  />
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
  return (
    <>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <div class="above">
        {outage.value !== null && <OutageBanner outage={outage.value} />}
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
      <main id="main" class={outage.value === null ? "" : "outdated"} tabIndex={-1}>
        {children}
      </main>
      <Footer />
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
      <span class={`pulse ${outage.value === null ? "good" : "bad"}`} aria-hidden="true" />
      <span role="status">
        {outage.value?.reason ?? (isStreaming.value ? "live" : "polling every 2 s")}
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
function Login() {
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

applyTheme();
followLinks();
follow();
const root = document.getElementById("console");
if (root !== null) render(<Console />, root);
