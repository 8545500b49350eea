import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { createApi, createKey } from "../e2e/support/api.ts";
import { sendWebhook } from "../e2e/support/send.ts";
import { ACCOUNT, balanceBody } from "../system/messages.ts";
import {
  findingsOf,
  openContext,
  openWatched,
  openWatchedIn,
  startBrowser,
  type View,
} from "./support/browser.ts";
import { describeConsole } from "./support/describe-browser.ts";
import { GAP_ACCOUNT, type ShownService, startShownService } from "./support/shown-service.ts";

/** How a page looks does not depend on the engine: there it is opened once. */
const VIEWS = {
  SQLite: [{}, { scheme: "dark" }, { width: 360 }],
  PostgreSQL: [{}],
} as const;

/** Every page over what the providers document, in both themes and on a telephone. */
describeConsole("the console's pages in a real browser", (newLedger, engine) => {
  let service: ShownService;
  let browser: Browser;
  let looks: readonly (readonly [View, BrowserContext])[];
  let paths: Readonly<Record<string, string>>;

  beforeAll(async () => {
    service = await startShownService(await newLedger());
    browser = await startBrowser();
    const inContext = async (view: View) => [view, await openContext(browser, view)] as const;
    looks = await Promise.all(VIEWS[engine].map(inContext));
    const api = createApi(service.address);
    const first = async (list: string) => {
      const [record] = await api.get<readonly Readonly<{ id: string }>[]>(list, { limit: "1" });
      return encodeURIComponent(record?.id ?? "");
    };
    paths = {
      "the start page": "/",
      "the list of accounts": "/accounts",
      "an account with a gap": `/accounts/${encodeURIComponent(GAP_ACCOUNT)}`,
      "an account of Layer1": `/accounts/${await first("/v1/balances")}`,
      "the list of withdrawals": "/withdrawals",
      "a withdrawal": `/withdrawals/${await first("/v1/withdrawals")}`,
      "the list of deposits": "/deposits?stage=credited",
      "a deposit": `/deposits/${await first("/v1/deposits")}`,
      "the list of trades": "/trades",
      "a trade": `/trades/${await first("/v1/trades")}`,
      "the search": "/search?q=GAP001",
    };
  });

  afterAll(async () => {
    await browser?.close();
    await service?.stop();
  });

  const NAMES = [
    ...["the start page", "the list of accounts", "an account with a gap", "an account of Layer1"],
    ...["the list of withdrawals", "a withdrawal", "the list of deposits", "a deposit"],
    ...["the list of trades", "a trade", "the search"],
  ];

  test.each(NAMES)("%s: no error, nobody else asked, nothing that axe finds", async (name) => {
    for (const [view, context] of looks) {
      const { page, open, faults } = await openWatchedIn(context, service.address);
      await open(paths[name] ?? "");
      expect([view, faults()]).toEqual([view, []]);
      expect([view, await findingsOf(page)]).toEqual([view, []]);
      const overhang = "document.documentElement.scrollWidth - innerWidth";
      expect([view, Number(await page.evaluate(overhang)) <= 0]).toEqual([view, true]);
      await page.close();
    }
  });

  const on = async (path: string, look: (page: Page) => Promise<void>) => {
    const { page, open, faults } = await openWatched(browser, service.address);
    await open(path);
    await look(page);
    expect(faults()).toEqual([]);
    await page.context().close();
  };

  describe("the start page", () => {
    test("says no where something is missing, and how much", () =>
      on("/", async (page) => {
        await page.getByText("No.", { exact: true }).waitFor();
        const gap = page.getByRole("listitem").filter({ hasText: GAP_ACCOUNT });
        expect(await gap.textContent()).toMatch(/gap\s*\+5 USD/);
        const totals = page.getByRole("region", { name: "Totals per asset" });
        expect(await totals.locator("tbody tr").allTextContents()).toContainEqual("USD14531");
      }));
  });

  describe("an account", () => {
    test("shows its history from the newest, with the gap where it is", () =>
      on(`/accounts/${encodeURIComponent(GAP_ACCOUNT)}`, async (page) => {
        const rows = page.getByRole("region", { name: "History" }).locator("tbody tr");
        const texts = await rows.allTextContents();
        expect(texts).toHaveLength(4);
        expect(texts[0]).toMatch(/transfer 4.*\+5.*130/);
        expect(texts[1]).toMatch(/gap.*between run 2 and run 4.*\+5/);
        expect(texts[3]).toMatch(/\+100.*100/);
        await page.getByRole("button", { name: "1 movement of run 4" }).click();
        await page.locator(".movements li").first().waitFor();
        expect(await page.locator(".plot canvas").count()).toBe(1);
      }));

    test("says why, fact by fact, down to who signed it", () =>
      on(`/accounts/${encodeURIComponent(GAP_ACCOUNT)}`, async (page) => {
        await page.getByRole("button", { name: "Show the deciding facts" }).click();
        const facts = page.getByRole("region", { name: "Facts" }).locator("tbody tr");
        await facts.filter({ hasText: "decides" }).first().waitFor();
        expect(await facts.first().textContent()).toMatch(/run 4.*webhook, valid hmac/);
      }));

    test.each([
      ["", "counterfoil explain balance "],
      ["?known_at=2200-01-01T00:00:00Z", /counterfoil explain balance .* --at \d+$/],
      ["?as_of=2026-01-01T00:00:00Z", /^GET \/v1\/explain\/balance\/.*\?as_of=2026-01-01T/],
    ])("says where older facts of what it shows are, at %j", (moment, expected) =>
      on("/", async (page) => {
        await page.route("**/v1/explain/**", async (route) => {
          const response = await route.fetch();
          await route.fulfill({ response, json: { ...(await response.json()), next_cursor: "c" } });
        });
        const path = `/accounts/${encodeURIComponent(GAP_ACCOUNT)}${moment}`;
        await page.goto(service.address + path);
        await page.getByRole("button", { name: "Show the deciding facts" }).click();
        const where = page.locator("p", { hasText: /^These are the newest \d+ facts/ });
        await where.waitFor();
        expect(await where.locator("code").first().textContent()).toMatch(expected);
        expect(await where.textContent()).not.toContain("shows all");
      }),
    );

    test("shows at a moment the balance of then, not one of some milliseconds later", () =>
      on("/", async (page) => {
        const entriesPath = "**/v1/accounts/*/entries?*";
        await page.route(entriesPath, async (route) => {
          const response = await route.fetch();
          const { data, ...rest } = await response.json();
          const [run4, ...older] = data;
          const moved = { ...run4, effective_at: "2025-04-30T08:02:00.118Z" };
          await route.fulfill({ response, json: { ...rest, data: [moved, ...older] } });
        });
        const at = `?as_of=2025-04-30T08:02:00Z`;
        await page.goto(`${service.address}/accounts/${encodeURIComponent(GAP_ACCOUNT)}${at}`);
        await page.locator(".slider output").waitFor();
        expect(await page.locator(".slider output .amount").textContent()).toBe("120");
      }));

    test("changes on the page when a report comes, without a reload", async () => {
      await on(`/accounts/${encodeURIComponent(GAP_ACCOUNT)}`, async (page) => {
        await page.locator(".verdict .answer", { hasText: "130" }).waitFor();
        await service.report({ run: 5, change: "7", balance: "137" });
        await page.locator(".verdict .answer", { hasText: "137" }).waitFor();
        await page.getByText("run 5").or(page.getByText("transfer 5")).first().waitFor();
      });
    });
  });

  test("amounts of 30 digits fit on a telephone", async () => {
    const huge = "123456789012345678901234567890.123456789012345678";
    const account = { ...ACCOUNT, account_group: "PLAT01", asset: "BIG" };
    const runs = [
      { run: 901, change: huge, balance: huge },
      { run: 903, change: "1", balance: "987654321098765432109876543210.987654321098765432" },
      { run: 904, change: "1", balance: "987654321098765432109876543211.987654321098765432" },
    ];
    for (const run of runs) {
      const body = balanceBody({ ...run, at: Date.UTC(2026, 0, 1) + run.run * 1000, account });
      const hook = { provider: "zerohash", payloadType: "account_balance.changed" } as const;
      await sendWebhook(service.address, { ...hook, body: JSON.stringify(body) });
    }
    await service.whenFolded();
    const { page, open, faults } = await openWatched(browser, service.address, { width: 360 });
    const overhang = () => page.evaluate("document.documentElement.scrollWidth - innerWidth");
    const id = "zerohash:DEF456:PLAT01:general:available:BIG";
    await open(`/accounts/${encodeURIComponent(id)}`);
    await page.getByRole("button", { name: "1 movement of run 904" }).click();
    await page.getByRole("button", { name: "Show the deciding facts" }).click();
    await page.getByRole("region", { name: "Facts" }).waitFor();
    expect(await overhang()).toBe(0);
    const list = createApi(service.address).get<readonly { id: string; subject: string }[]>;
    const gap = (await list("/v1/anomalies")).find(({ subject }) => subject === id);
    const anomaly = `/anomalies/${encodeURIComponent(gap?.id ?? "")}`;
    for (const path of ["/", "/accounts", "/attention", anomaly]) {
      await open(path);
      expect([path, await overhang()]).toEqual([path, 0]);
    }
    expect(faults()).toEqual([]);
    await page.context().close();
  });

  test("what was corrected after it came is marked, entry and movement, and nothing else", async () => {
    await service.correct(1);
    await on(`/accounts/${encodeURIComponent(GAP_ACCOUNT)}`, async (page) => {
      const history = page.getByRole("region", { name: "History" });
      const marked = history.locator("tbody tr").filter({ hasText: "corrected" });
      await marked.first().waitFor();
      expect(await marked.allTextContents()).toEqual([expect.stringContaining("deposit 1")]);
      await page.getByRole("button", { name: "1 movement of run 1" }).click();
      await page.locator(".movements li").filter({ hasText: "corrected" }).waitFor();
    });
  });

  test("what changes while a page begins is on it", async () => {
    const { page, open, faults } = await openWatched(browser, service.address);
    const { promise: folded, resolve } = Promise.withResolvers<void>();
    await page.route("**/v1/status", async (route) => {
      await folded;
      await route.continue();
    });
    const asked = page.waitForRequest("**/v1/status");
    const opened = open(`/accounts/${encodeURIComponent(GAP_ACCOUNT)}`);
    await asked;
    await service.report({ run: 6, change: "3", balance: "140" });
    await service.whenFolded();
    resolve();
    await opened;
    await page.locator(".verdict .answer", { hasText: "140" }).waitFor();
    expect(faults()).toEqual([]);
    await page.context().close();
  });

  test("a list is filtered by its address, and says so if nothing matches", async () => {
    await on("/accounts?participant_code=GAP001", async (page) => {
      expect(await page.locator("tbody tr").count()).toBe(1);
    });
    await on("/accounts?participant_code=NOBODY", async (page) => {
      await page.getByText("No accounts match.").waitFor();
    });
  });

  // The last one: from the first key on everybody needs one.
  test("for a platform's key it shows what is the platform's, and tells nothing of anybody else", async () => {
    const { secret } = await createKey(service.env, "--role", "reader", "--platform", "PLAT01");
    const { page, open, faults } = await openWatched(browser, service.address);
    await open("/accounts");
    await page.getByLabel("API key").fill(secret);
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: GAP_ACCOUNT }).waitFor();
    expect(await page.locator("main").textContent()).not.toContain("layer1:");
    await page.getByRole("link", { name: "Is the money right?" }).click();
    await page.getByText("Look at your accounts.").waitFor();
    await page.getByRole("heading", { name: "Models" }).waitFor();
    const shown = await page.locator("main").textContent();
    // What is withheld from the key is not shown as if there were none of it.
    const claims = ["Yes.", "None: no unlisted", "No delivery has", "no feed", "Kafka", "never"];
    expect(claims.filter((claim) => shown?.includes(claim))).toEqual([]);
    expect(faults().filter((fault) => !fault.startsWith("401"))).toEqual([]);
    await page.context().close();
  });
});
