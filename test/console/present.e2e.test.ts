import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { balanceBody } from "../system/messages.ts";
import { openWatched, startBrowser, type WatchedPage, whenLoaded } from "./support/browser.ts";
import { describeBrowser } from "./support/describe-browser.ts";
import { GAP_ACCOUNT, type ShownService, startShownService } from "./support/shown-service.ts";

const PROVIDERS_ID = "f2f6e0ba-8d1c-4ff4-9c0f-5f6f2a3e0001";
const ACCOUNT_PATH = `/accounts/${encodeURIComponent(GAP_ACCOUNT)}`;

const STOPPED = { state: "stopped", position: "5", lag: 1200, lag_seconds: 60 };
const CATCHING_UP = { state: "catching_up", position: "5", lag: 52_000, lag_seconds: 24 };
const KEEPING_UP = { state: "catching_up", position: "5", lag: 300, lag_seconds: 0.4 };

/** What a page shows is the present, or the page says that it is not. */
describeBrowser("the present on the console's pages (needs Chromium)", () => {
  let service: ShownService;
  let browser: Browser;
  let run = 4;
  let balance = 130;

  beforeAll(async () => {
    service = await startShownService();
    browser = await startBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await service?.stop();
  });

  const on = async (path: string, look: (shown: WatchedPage) => Promise<void>) => {
    const shown = await openWatched(browser, service.address);
    await shown.open(path);
    await look(shown);
    expect(shown.faults()).toEqual([]);
    await shown.close();
  };

  /** The next run of the account with the gap. @returns the balance after it */
  const report = async (): Promise<string> => {
    run += 1;
    balance += 1;
    await service.report({ run, change: "1", balance: String(balance) });
    return String(balance);
  };

  const answerOn = (page: Page) => page.locator(".verdict .answer");
  const bannerOn = (page: Page) => page.locator(".outage");

  /** Has the status say this of a model, as if its projector were not running. */
  const pretend = (page: Page, model: string, change: object) =>
    page.route("**/v1/status", async (route) => {
      const response = await route.fetch();
      const body = await response.json();
      const projections = body.data.projections.map((one: { name: string }) =>
        one.name === model ? { ...one, ...change } : one,
      );
      const data = { ...body.data, projections, anomalies: [], quarantined: null };
      await route.fulfill({ response, json: { ...body, data } });
    });

  describe("a model that does not keep up", () => {
    test.each([
      ["stopped", STOPPED],
      ["far behind", CATCHING_UP],
    ])("leaves the question about the money open while it is %s", async (_, state) => {
      const { page, close } = await openWatched(browser, service.address);
      await pretend(page, "balances", state);
      await page.route("**/v1/anomalies?*", async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, json: { ...(await response.json()), data: [] } });
      });
      await page.goto(service.address);
      await answerOn(page).filter({ hasText: "Unknown." }).waitFor();
      const verdict = await page.locator(".verdict").textContent();
      expect(verdict).toMatch(/balances is (?:stopped|catching up)/);
      expect(verdict).toContain(`${state.lag} events`);
      await whenLoaded(page);
      const main = await page.locator("main").textContent();
      expect(main).not.toMatch(/every balance follows|no contradiction|nothing in quarantine/);
      await close();
    });

    test("is fine where it is a moment behind, as in every busy ledger", async () => {
      const { page, open, close } = await openWatched(browser, service.address);
      await pretend(page, "balances", KEEPING_UP);
      await open("/");
      await answerOn(page).filter({ hasText: "Yes." }).waitFor();
      expect(await bannerOn(page).count()).toBe(0);
      await close();
    });

    test.each([
      ["balances", ["/", ACCOUNT_PATH, "/accounts", "/runs/2", "/attention", "/search?q=GAP001"]],
      ["trades", ["/", "/trades", "/attention", "/search?q=GAP001"]],
    ])("is named on every page that shows it: %s", async (model, paths) => {
      const { page, open, close } = await openWatched(browser, service.address);
      await pretend(page, model, STOPPED);
      for (const path of paths) {
        await open(path);
        await bannerOn(page)
          .filter({ hasText: `${model} is stopped` })
          .waitFor();
        expect([path, await page.locator("footer").textContent()]).toEqual([
          path,
          expect.not.stringMatching(/\blive\b/),
        ]);
        expect([path, await page.locator("main.outdated").count()]).toEqual([path, 1]);
      }
      await close();
    });

    test("is not named where nothing of it is shown", async () => {
      const { page, open, close } = await openWatched(browser, service.address);
      await pretend(page, "trades", STOPPED);
      for (const path of [ACCOUNT_PATH, "/deposits", "/deliveries", "/stream"]) {
        await open(path);
        expect([path, await bannerOn(page).count()]).toEqual([path, 0]);
      }
      await close();
    });
  });

  describe("what comes while a page is open is on it", () => {
    test("on an account that is opened by the provider's id", () =>
      on(`/accounts/${PROVIDERS_ID}`, async ({ page }) => {
        const next = await report();
        await answerOn(page).filter({ hasText: next }).waitFor();
      }));

    test("on a withdrawal that is opened by a movement's id", async () => {
      const account = { participant_code: "WD", account_id: "wd", asset: "USD" };
      const at = Date.UTC(2026, 8, 1);
      const bring = (run_id: string, movement: object, balance: string) =>
        service.send("account_balance.changed", {
          ...balanceBody({ run: run_id, change: "0", balance, at, account }),
          movements: [{ movement_timestamp: at, ...movement }],
        });
      const pending = { movement_id: "w1", change: "-10", movement_type: "withdrawal_pending" };
      await bring("7001", { movement_id: "w0", change: "100", movement_type: "deposit" }, "100");
      await bring("7002", { ...pending, withdrawal_request_id: "WR1" }, "90");
      await service.whenFolded();
      await on("/withdrawals/w1", async ({ page }) => {
        const stage = page.locator(".verdict .badge").first();
        const before = await stage.textContent();
        const confirmed = { movement_type: "withdrawal_confirmed", withdrawal_request_id: "WR1" };
        await bring("7003", { movement_id: "w3", change: "10", ...confirmed }, "100");
        await stage.filter({ hasNotText: String(before) }).waitFor();
      });
    });

    test("in quarantine, among the deliveries, and on the stream", async () => {
      const pages = await Promise.all(
        ["/attention", "/deliveries", "/stream"].map(async (path) => {
          const shown = await openWatched(browser, service.address);
          await shown.open(path);
          return shown;
        }),
      );
      const [attention, deliveries, stream] = pages.map(({ page }) => page);
      const quarantined = await service.send("account_balance.changed", '{"nonsense":"1"}');
      const id = String(quarantined?.delivery_id);
      await attention?.locator(`a[href="/deliveries/${id}"]`).waitFor();
      await deliveries?.locator(`a[href="/deliveries/${id}"]`).waitFor();
      const trade = await service.send("trade.status_changed", {
        trade_id: "T77",
        trade_state: "accepted",
        timestamp: 1_746_112_199_801,
      });
      await stream?.locator(`a[href="/events/${trade?.position}"]`).waitFor();
      for (const { close } of pages) await close();
    });

    test("also where answers take longer than changes need to come", () =>
      on(ACCOUNT_PATH, async ({ page }) => {
        await page.route("**/v1/accounts/**", async (route) => {
          await new Promise((resolve) => setTimeout(resolve, 2_500));
          await route.continue().catch(() => {});
        });
        let isSending = true;
        const sending = (async () => {
          while (isSending) {
            await report();
            await new Promise((resolve) => setTimeout(resolve, 250));
          }
        })();
        const seen = new Set<string | null>();
        while (seen.size < 4) {
          seen.add(await answerOn(page).textContent());
          await page.waitForResponse("**/v1/status");
        }
        isSending = false;
        await sending;
        await answerOn(page)
          .filter({ hasText: String(balance) })
          .waitFor();
      }));

    test("and a page says that answers take long", () =>
      on("/accounts", async ({ page }) => {
        const { promise: mayAnswer, resolve } = Promise.withResolvers<void>();
        await page.route("**/v1/balances?*", async (route) => {
          await mayAnswer;
          await route.continue();
        });
        await report();
        await page.getByText("The service takes long to answer").waitFor();
        resolve();
        const row = page.getByRole("row").filter({ hasText: GAP_ACCOUNT });
        await row.filter({ hasText: String(balance) }).waitFor();
      }));
  });

  describe("what a person does on a page survives what comes", () => {
    test("the movements of the run that was opened", () =>
      on(ACCOUNT_PATH, async ({ page }) => {
        const name = `1 movement of run ${run}`;
        await page.getByRole("button", { name }).click();
        const movements = await page.locator(".movements").textContent();
        const next = await report();
        await answerOn(page).filter({ hasText: next }).waitFor();
        await page.getByRole("button", { name: `1 movement of run ${run}` }).waitFor();
        expect(await page.locator(".movements").allTextContents()).toEqual([movements]);
        expect(await page.getByRole("button", { name }).getAttribute("aria-expanded")).toBe("true");
      }));

    test("the focus on a link of the stream", () =>
      on("/stream", async ({ page }) => {
        const link = page.locator("tbody a").nth(4);
        const href = await link.getAttribute("href");
        await link.focus();
        const top = await page.locator("tbody a").first().getAttribute("href");
        await report();
        await page.locator(`tbody tr:first-child a[href="${top}"]`).waitFor({ state: "detached" });
        expect(await page.evaluate("document.activeElement.getAttribute('href')")).toBe(href);
      }));

    test("a note that is being written, also on a page where its row is no more", async () => {
      const gapIn = async (code: string, first: number) => {
        const account = { participant_code: code, account_id: code, asset: "USD" };
        for (const [at, run] of [first, first + 2].entries()) {
          const given = { run, change: "1", balance: String(10 * (at + 1)), account };
          const body = balanceBody({ ...given, at: Date.UTC(2026, 8, 2) + run * 1000 });
          await service.send("account_balance.changed", body);
        }
        return `zerohash:${code}:ABC123:general:available:USD`;
      };
      await on("/attention?kind=gap&open=true", async ({ page, open }) => {
        const row = page.locator("tr").filter({ hasText: GAP_ACCOUNT });
        await row.getByRole("button", { name: "Acknowledge" }).click();
        await page.keyboard.type("asked, ticket 4711");
        const newer = await gapIn("NEWER", 9001);
        await page.getByRole("link", { name: newer, exact: true }).waitFor();
        const note = row.getByLabel(/^Note/);
        expect(await note.inputValue()).toBe("asked, ticket 4711");
        await page.keyboard.type(" of today");
        expect(await note.inputValue()).toBe("asked, ticket 4711 of today");
        await row.getByRole("link", { name: /^more of gap:/ }).click();
        await whenLoaded(page);
        expect(await page.getByLabel(/^Note/).inputValue()).toBe("asked, ticket 4711 of today");
        await open("/attention");
      });
    });
  });
});
