import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import { balanceBody } from "../system/messages.ts";
import { openWatched, startBrowser, type WatchedPage } from "./support/browser.ts";
import { describeBrowser } from "./support/describe-browser.ts";
import { GAP_ACCOUNT, type ShownService, startShownService } from "./support/shown-service.ts";

const START_MS = Date.UTC(2026, 5, 1);
/** More than a plot draws. */
const RUNS = 450;
const LONG_ACCOUNT = "zerohash:LONG01:ABC123:general:available:USD";
const MOVEMENTS = 1_500;
const LONG_AMOUNT = "1".repeat(60);

/** Figures as providers send them, and of which moment they are. */
describeBrowser("figures and moments on the console's pages (needs Chromium)", () => {
  let service: ShownService;
  let browser: Browser;

  beforeAll(async () => {
    service = await startShownService();
    browser = await startBrowser();
    for (let from = 1; from <= RUNS; from += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, at) => sendRun(from + at)));
    }
    await service.whenFolded();
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
    await shown.page.context().close();
  };

  const timeOf = (run: number) => new Date(START_MS + run * 60_000).toISOString();

  const sendRun = (run: number) => {
    const account = { participant_code: "LONG01", account_id: "long", asset: "USD" };
    const given = { run: 100_000 + run, change: "1", balance: String(run), account };
    const body = balanceBody({ ...given, at: START_MS + run * 60_000 });
    return service.send("account_balance.changed", body);
  };

  const trade = (trade_id: string, quantity: string, price: string) =>
    service.send("trade.status_changed", {
      trade_id,
      trade_state: "accepted",
      timestamp: START_MS,
      trade_quantity: quantity,
      trade_price: price,
      underlying: "BTC",
      quoted_currency: "USD",
    });

  describe("a trade", () => {
    test.each([
      ["TF1", ".25", "-.5"],
      ["TF2", " 1.25", "45,000.50"],
      ["TF3", "1e-7", "1234567.10"],
    ])("shows quantity and price as they are stated: %s", async (id, quantity, price) => {
      await trade(id, quantity, price);
      await service.whenFolded();
      await on(`/trades/${id}`, async ({ page }) => {
        const amounts = page.locator(".verdict .amount");
        expect(await amounts.allTextContents()).toEqual([`${quantity} BTC`, `${price} USD`]);
      });
    });

    test("opens whatever its id is", async () => {
      await trade("..", "1", "2");
      await service.whenFolded();
      await on("/trades", async ({ page }) => {
        await page.getByRole("link", { name: "..", exact: true }).click();
        await page.locator(".verdict .amount").first().waitFor();
        expect(await page.locator("h1").textContent()).toBe("Trade ..");
        expect(await page.locator(".verdict .amount").first().textContent()).toBe("1 BTC");
        await page.reload();
        await page.locator(".verdict .amount").first().waitFor();
      });
    });
  });

  describe("a past moment", () => {
    const path = `/accounts/${encodeURIComponent(LONG_ACCOUNT)}`;

    test("before all that is drawn is drawn itself, and agrees with the balance", () =>
      on(`${path}?as_of=${timeOf(20)}`, async ({ page }) => {
        expect(await page.locator(".verdict .answer").textContent()).toBe("20 USD");
        const selected = page.locator(".slider output");
        expect(await selected.locator(".amount").textContent()).toBe("20");
        expect(await selected.locator("time").getAttribute("datetime")).toBe(
          `${timeOf(20).slice(0, 19)}Z`,
        );
        await page.getByLabel("Time", { exact: true }).press("ArrowLeft");
        await page.locator(".verdict .answer").filter({ hasText: "19 USD" }).waitFor();
        await page.locator(".heading").getByRole("link", { name: "Back to now" }).click();
        await page.locator(".verdict .answer").filter({ hasText: "450 USD" }).waitFor();
      }));

    test.each(["/accounts", "/withdrawals", "/deposits", "/trades"])(
      "of a list is in its address: %s",
      (path) =>
        on(`${path}?as_of=2000-01-01T00:00:00Z`, async ({ page }) => {
          await page.locator(".heading").getByText("As of").waitFor();
          await page.locator(".empty").waitFor();
          expect(await page.locator("tbody tr").count()).toBe(0);
          await page.getByRole("link", { name: "Back to now" }).click();
          await page.locator("tbody tr").first().waitFor();
        }),
    );

    test("of a record is in its address", async () => {
      await trade("TP1", "1", "2");
      await service.whenFolded();
      const { page, open } = await openWatched(browser, service.address);
      await open("/trades/TP1?as_of=2000-01-01T00:00:00Z");
      await page.getByText("Nothing has this id.").waitFor();
      await open("/runs/2?known_at=2000-01-01T00:00:00Z");
      await page.getByText("Nothing has this id.").waitFor();
      await page.context().close();
    });

    test("is refused where there is none, and so is what nobody knows", async () => {
      const { page, open } = await openWatched(browser, service.address);
      for (const path of ["/stream?as_of=2000-01-01T00:00:00Z", "/accounts?assset=USD"]) {
        await open(path);
        await page.getByText("there is no such parameter").waitFor();
      }
      await open("/projections?as_of=2000-01-01T00:00:00Z");
      await page.getByText("This page shows the present").waitFor();
      await page.context().close();
    });
  });

  describe("a run of very many movements", () => {
    test("says how many it does not list", async () => {
      const movements = Array.from({ length: MOVEMENTS }, (_, at) => ({
        movement_id: `big-${at}`,
        movement_type: "transfer",
        movement_timestamp: START_MS,
        change: "1",
      }));
      const account = { participant_code: "MANY01", account_id: "many" };
      const given = { run: "88888", change: "1", balance: String(MOVEMENTS), at: START_MS };
      const body = { ...balanceBody({ ...given, account }), movements };
      await service.send("account_balance.changed", body);
      await service.whenFolded();
      await on("/runs/88888", async ({ page }) => {
        const rows = page.getByRole("region", { name: /^Movements on/ }).locator("tbody tr");
        expect(await rows.count()).toBe(100);
        await page.getByRole("button", { name: "Show 900 more" }).click();
        expect(await rows.count()).toBe(1_000);
        await page.getByText("500 more are not listed").waitFor();
      });
    });
  });

  test("a text that turns its direction turns no amount", async () => {
    await service.send("deposit.status_changed", {
      ...{ deposit_id: "DRTL", participant_code: "RTLD", account_group: "PLAT01" },
      ...{ account_label: "general", asset: "AAVE\u202e", state: "initial" },
      ...{ amount: "7.6", timestamp: START_MS / 1000 },
    });
    await on("/stream?type=DepositStatusReported", async ({ page }) => {
      const places = (await page.evaluate(PLACES)) as readonly number[];
      expect(places).toHaveLength(3);
      expect(places).toEqual(places.toSorted((one, other) => one - other));
    });
  });

  describe("a list", () => {
    test("whose cursor is refused leads to its first page", async () => {
      const { page, open } = await openWatched(browser, service.address);
      await open("/accounts?asset=USD&cursor=stale");
      await page.getByText("invalid_cursor").waitFor();
      await page.getByRole("link", { name: "First page" }).click();
      await page.getByRole("link", { name: GAP_ACCOUNT }).waitFor();
      expect(new URL(page.url()).search).toBe("?asset=USD");
      await page.context().close();
    });

    test("that is opened at its second page leads nowhere else", () =>
      on("/stream?limit=20", async ({ page, open }) => {
        const next = String(await page.locator("a[rel=next]").getAttribute("href"));
        await open(next);
        const controls = page.locator(".pager").locator("a, button");
        expect(await controls.allTextContents()).toEqual(["First page", "Next page"]);
      }));
  });

  describe("the plot", () => {
    test("of one report spans minutes, not years", async () => {
      const account = { participant_code: "ONE01", account_id: "one", asset: "USD" };
      const given = { run: 77_001, change: "5", balance: "5", at: START_MS, account };
      await service.send("account_balance.changed", balanceBody(given));
      await service.whenFolded();
      const path = `/accounts/${encodeURIComponent("zerohash:ONE01:ABC123:general:available:USD")}`;
      const drawn = await labelsDrawn(path);
      expect(drawn.some((text) => /^\d\d:\d\d/.test(text))).toBe(true);
      expect(drawn.filter((text) => /^202[789]/.test(text))).toEqual([]);
    });

    test("of a balance of 60 digits has short labels", async () => {
      const account = { participant_code: "HUGE01", account_id: "huge", asset: "USD" };
      const given = { run: 77_002, change: LONG_AMOUNT, balance: LONG_AMOUNT, account };
      await service.send("account_balance.changed", balanceBody({ ...given, at: START_MS }));
      await service.whenFolded();
      const path = `/accounts/${encodeURIComponent("zerohash:HUGE01:ABC123:general:available:USD")}`;
      const drawn = await labelsDrawn(path);
      expect(drawn.filter((text) => /e5\d$/.test(text))).not.toEqual([]);
      expect(drawn.filter((text) => text.length > 20)).toEqual([]);
    });
  });

  /** The texts that a page draws on its plot. */
  async function labelsDrawn(path: string): Promise<readonly string[]> {
    const { page, open } = await openWatched(browser, service.address);
    await page.addInitScript(RECORD_TEXTS);
    await open(path);
    await page.locator(".plot canvas").waitFor();
    await page.waitForFunction("globalThis.drawn.length > 0");
    const drawn = (await page.evaluate("globalThis.drawn")) as readonly string[];
    await page.context().close();
    return drawn;
  }
});

const RECORD_TEXTS = `
  globalThis.drawn = [];
  const draw = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
    globalThis.drawn.push(text);
    return draw.call(this, text, ...rest);
  };
`;

/** Where the characters of the amount beside the turning text are drawn. */
const PLACES = `(() => {
  const cells = [...document.querySelectorAll("tbody td")];
  const cell = cells.find(({ textContent }) => textContent.includes("AAVE"));
  const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  while (!texts.nextNode().data.includes("7.6"));
  const at = texts.currentNode.data.indexOf("7.6");
  return [0, 1, 2].map((step) => {
    const range = document.createRange();
    range.setStart(texts.currentNode, at + step);
    range.setEnd(texts.currentNode, at + step + 1);
    return range.getBoundingClientRect().left;
  });
})()`;
