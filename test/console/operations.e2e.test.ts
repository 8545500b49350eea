import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { createKey } from "../e2e/support/api.ts";
import { sendWebhook } from "../e2e/support/send.ts";
import { findingsOf, openWatched, startBrowser, whenLoaded } from "./support/browser.ts";
import { describeConsole } from "./support/describe-browser.ts";
import { GAP_ACCOUNT, type ShownService, startShownService } from "./support/shown-service.ts";

const UNREADABLE = JSON.stringify({ nonsense: "12345678901234567890.10" });

/** How a page looks does not depend on the engine. */
const SCHEMES = { SQLite: ["light", "dark"], PostgreSQL: ["light"] } as const;

/** What an operator does: look at what is wrong, down to the bytes, and say so. */
describeConsole("the console for operators", (newLedger, engine) => {
  let service: ShownService;
  let browser: Browser;
  let quarantined: string;

  beforeAll(async () => {
    service = await startShownService(await newLedger());
    const hook = { provider: "zerohash", payloadType: "account_balance.changed" } as const;
    const kept = await sendWebhook(service.address, { ...hook, body: UNREADABLE });
    quarantined = String(kept?.delivery_id);
    browser = await startBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await service?.stop();
  });

  const idOf = async (path: string, pick: (body: never) => string): Promise<string> =>
    pick((await (await fetch(service.address + path)).json()) as never);

  test("every page opens by its address, without a fault and without a barrier", async () => {
    const anomaly = await idOf(
      "/v1/anomalies",
      ({ data }) => (data as { id: string }[])[0]?.id ?? "",
    );
    const paths = [
      ...["/attention", `/anomalies/${encodeURIComponent(anomaly)}`, "/deliveries"],
      ...[`/deliveries/${quarantined}`, "/stream", "/events/3", "/runs/2", "/projections"],
    ];
    for (const scheme of SCHEMES[engine]) {
      const { page, open, faults } = await openWatched(browser, service.address, { scheme });
      for (const path of paths) {
        await open(path);
        expect([path, await page.locator("h1").count()]).toEqual([path, 1]);
        expect([path, await page.locator(".notice.bad").count()]).toEqual([path, 0]);
        expect([path, await findingsOf(page)]).toEqual([path, []]);
      }
      expect(faults()).toEqual([]);
      await page.context().close();
    }
  });

  test("nothing is wider than a narrow screen", async () => {
    const { page, open } = await openWatched(browser, service.address, { width: 360 });
    for (const path of ["/attention", `/deliveries/${quarantined}`, "/stream", "/projections"]) {
      await open(path);
      const wide = await page.evaluate("document.documentElement.scrollWidth");
      expect([path, Number(wide) <= 360]).toEqual([path, true]);
    }
    await page.context().close();
  });

  test("from the gap to the event, its delivery, and every byte of it", async () => {
    const { page, open, faults } = await openWatched(browser, service.address);
    await open("/attention");
    await page.getByRole("link", { name: GAP_ACCOUNT, exact: true }).waitFor();
    await page.getByRole("link", { name: /^more of gap:/ }).click();
    await whenLoaded(page);
    await page.locator("dl").getByRole("link", { name: /^\d+$/ }).first().click();
    await page.waitForURL(/\/events\/\d+$/);
    await whenLoaded(page);
    await page.locator("dl a[href^='/deliveries/']").click();
    await page.waitForURL(/\/deliveries\//);
    await whenLoaded(page);
    expect(await page.locator("pre.body").textContent()).toContain('"run_id": "4"');
    await open(`/deliveries/${quarantined}`);
    await page.getByRole("button", { name: "Exact" }).click();
    expect(await page.locator("pre.body").textContent()).toBe(UNREADABLE);
    expect(faults()).toEqual([]);
    await page.context().close();
  });

  test("from what is counted on the start page to the list of just that", async () => {
    const { page, open, faults } = await openWatched(browser, service.address);
    await open("/");
    const counted = page.getByRole("region", { name: "Open items" });
    await counted.getByRole("link", { name: "quarantined" }).click();
    await page.locator(`a[href="/deliveries/${quarantined}"]`).waitFor();
    expect(await page.getByRole("heading", { name: "Anomalies" }).count()).toBe(0);
    await page.goBack();
    await counted.getByRole("link", { name: "gap" }).click();
    await page.getByRole("link", { name: GAP_ACCOUNT, exact: true }).waitFor();
    expect(await page.locator(".kind-group").count()).toBe(1);
    expect(faults()).toEqual([]);
    await page.context().close();
  });

  test("without a key it says which one is wanted, and how it is made", async () => {
    const { page, open } = await openWatched(browser, service.address);
    await open("/attention");
    await acknowledgeGap(page, "looked at it");
    await page.getByText("counterfoil keys create --role operator").first().waitFor();
    await page.context().close();
  });

  test("with an operator's key an anomaly is acknowledged, a delivery dismissed, a model rebuilt", async () => {
    const { secret } = await createKey(service.env, "--role", "operator", "--name", "ada");
    const { page, open, faults } = await openWatched(browser, service.address);
    await open("/attention").catch(() => {});
    await page.getByLabel("API key").fill(secret);
    await page.keyboard.press("Enter");
    await whenLoaded(page);
    await acknowledgeGap(page, "asked the provider");
    await page.getByText(/ada.*: asked the provider/).waitFor();

    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByRole("button", { name: "Yes, retry" }).click();
    await page.getByText("It still cannot be read").waitFor();
    await page.getByRole("button", { name: "Dismiss" }).click();
    await page.getByLabel(/^Note/).fill("a test of theirs");
    await page.keyboard.press("Enter");
    await page.getByText("every delivery could be read").waitFor();

    await page.getByRole("link", { name: "Projections" }).click();
    await whenLoaded(page);
    const trades = page.locator("section.panel", {
      has: page.getByRole("heading", { name: "trades" }),
    });
    await trades.getByRole("button", { name: "Rebuild" }).click();
    await trades.getByRole("button", { name: "Yes, rebuild" }).click();
    await trades.getByText("activated").waitFor();
    await trades.getByText(/^2, model version/).waitFor();
    await trades.getByRole("button", { name: "Roll back" }).click();
    await trades.getByRole("button", { name: "Yes, roll back" }).click();
    await trades.getByText(/^1, model version/).waitFor();
    expect(faults().filter((fault) => !fault.startsWith("401 "))).toEqual([]);
    await page.context().close();
  });
});

async function acknowledgeGap(page: Page, note: string): Promise<void> {
  const row = page.locator("tr", {
    has: page.getByRole("link", { name: GAP_ACCOUNT, exact: true }),
  });
  await row.getByRole("button", { name: "Acknowledge" }).click();
  await row.getByLabel(/^Note/).fill(note);
  await row.getByRole("button", { name: "Acknowledge" }).click();
}
