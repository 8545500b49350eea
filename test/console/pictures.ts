import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createApi } from "../e2e/support/api.ts";
import { openWatched, startBrowser } from "./support/browser.ts";
import { GAP_ACCOUNT, startShownService } from "./support/shown-service.ts";

/*
 * `pnpm pictures`: one of each page, for the README and for whoever reviews a change of the console.
 */
const FOLDER = join(import.meta.dirname, "../../docs/console");
const WIDTH = 1180;

/** Reports of the account with the gap that make its line worth looking at. */
const CHANGES = [40, -25, 60, 12, -80, 33, 5, -18, 71, -6, 24, -40, 15, 90, -55, 8];

const service = await startShownService();
try {
  await addHistory();
  await takePictures();
} finally {
  await service.stop();
}

async function addHistory(): Promise<void> {
  let balance = 130;
  for (const [at, change] of CHANGES.entries()) {
    balance += change;
    await service.report({ run: 5 + at, change: String(change), balance: String(balance) });
  }
  await service.whenFolded();
}

async function takePictures(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const api = createApi(service.address);
  const first = async (list: string) => {
    const [record] = await api.get<readonly Readonly<{ id: string }>[]>(list, { limit: "1" });
    return encodeURIComponent(record?.id ?? "");
  };
  const account = encodeURIComponent(GAP_ACCOUNT);
  type Listed = Readonly<{ delivery_id: string }>;
  const [delivery] = await api.get<readonly Listed[]>("/v1/deliveries", { limit: "1" });
  const pictures = [
    ["start", "/", "light", WIDTH],
    ["start-dark", "/", "dark", WIDTH],
    ["start-narrow", "/", "light", 360],
    ["accounts", "/accounts", "light", WIDTH],
    ["account", `/accounts/${account}`, "light", WIDTH],
    ["account-dark", `/accounts/${account}`, "dark", WIDTH],
    ["account-narrow", `/accounts/${account}`, "dark", 360],
    ["withdrawals", "/withdrawals", "light", WIDTH],
    ["withdrawal", `/withdrawals/${await first("/v1/withdrawals")}`, "light", WIDTH],
    ["deposit", `/deposits/${await first("/v1/deposits")}`, "dark", WIDTH],
    ["trade", `/trades/${await first("/v1/trades")}`, "light", WIDTH],
    ["attention", "/attention", "light", WIDTH],
    ["anomaly", `/anomalies/${await first("/v1/anomalies")}`, "dark", WIDTH],
    ["deliveries", "/deliveries", "light", WIDTH],
    ["delivery", `/deliveries/${delivery?.delivery_id}`, "light", WIDTH],
    ["stream", "/stream", "dark", WIDTH],
    ["event", "/events/10", "light", WIDTH],
    ["run", "/runs/4", "light", WIDTH],
    ["projections", "/projections", "light", WIDTH],
    ["search", "/search?q=PLAT01", "light", WIDTH],
  ] as const;
  const browser = await startBrowser();
  try {
    for (const [name, path, scheme, width] of pictures) {
      const { page, open } = await openWatched(browser, service.address, { scheme, width });
      await open(path);
      await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: "disabled" });
      await page.context().close();
    }
  } finally {
    await browser.close();
  }
}
