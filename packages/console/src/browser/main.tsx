import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { AddressName } from "../addresses.ts";
import { Layout, Login, type NavLink } from "./components/layout.tsx";
import { follow } from "./live.ts";
import { MoneyPage } from "./pages/money.tsx";
import { applyTheme } from "./preferences.ts";
import { Loading } from "./resource.tsx";
import { followLinks, type Page, place } from "./router.ts";
import { SearchPage } from "./search.tsx";
import { locked } from "./session.ts";

/** A page of the entry bundle, or one that is loaded on navigation. */
type Source = Readonly<{ page: Page }> | (() => Promise<Page>);

const PAGES: Readonly<Record<AddressName, Source>> = {
  money: { page: MoneyPage },
  accounts: async () => (await import("./pages/accounts.tsx")).AccountsPage,
  account: async () => (await import("./pages/account.tsx")).AccountPage,
  withdrawals: async () => (await import("./pages/lifecycles.tsx")).WithdrawalsPage,
  withdrawal: async () => (await import("./pages/lifecycle.tsx")).WithdrawalPage,
  deposits: async () => (await import("./pages/lifecycles.tsx")).DepositsPage,
  deposit: async () => (await import("./pages/lifecycle.tsx")).DepositPage,
  trades: async () => (await import("./pages/lifecycles.tsx")).TradesPage,
  trade: async () => (await import("./pages/lifecycle.tsx")).TradePage,
  attention: async () => (await import("./pages/attention.tsx")).AttentionPage,
  anomaly: async () => (await import("./pages/anomaly.tsx")).AnomalyPage,
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
  const [loaded, setLoaded] = useState<Readonly<{ source: Source; page: Page }> | null>(null);
  useEffect(() => {
    if (typeof source !== "function") return;
    void source().then((page) => setLoaded({ source, page }));
  }, [source]);
  if (here === null || source === null) return <h1>There is no such page.</h1>;
  const page = typeof source !== "function" ? source.page : pageOf(loaded, source);
  if (page === null) return <Loading lines={6} />;
  const Shown = page;
  return <Shown key={JSON.stringify(here)} parameters={here.parameters} />;
}

const pageOf = (
  loaded: Readonly<{ source: Source; page: Page }> | null,
  source: Source,
): Page | null => (loaded?.source === source ? loaded.page : null);

function Console() {
  if (locked.value !== null) return <Login />;
  return (
    <Layout links={NAVIGATION}>
      <CurrentPage />
    </Layout>
  );
}

applyTheme();
followLinks();
follow();
const root = document.getElementById("console");
if (root !== null) render(<Console />, root);
