import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { findingsOf, openWatched, startBrowser, whenLoaded } from "./support/browser.ts";
import { describeBrowser } from "./support/describe-browser.ts";
import { GAP_ACCOUNT, type ShownService, startShownService } from "./support/shown-service.ts";

const warningOf = (page: Page) => page.getByRole("alert").filter({ hasText: /as of|No data/ });

/** What a page shows while the service hangs or does not answer, and after it. */
describeBrowser("the console during an outage in a real browser (needs Chromium)", () => {
  let service: ShownService;
  let browser: Browser;

  beforeAll(async () => {
    service = await startShownService();
    browser = await startBrowser();
  });

  afterEach(() => service.signal("SIGCONT"));

  afterAll(async () => {
    await browser?.close();
    await service?.stop();
  });

  test.each([360, 1280])(
    "a service that hangs is seen wherever a page of %i px is scrolled",
    async (width) => {
      const { page, open, faults } = await openWatched(browser, service.address, { width });
      await open(`/accounts/${encodeURIComponent(GAP_ACCOUNT)}`);
      expect(await warningOf(page).count()).toBe(0);
      await page.evaluate("scrollTo(0, document.body.scrollHeight)");
      service.signal("SIGSTOP");
      await warningOf(page).waitFor({ timeout: 10_000 });
      expect(await warningOf(page).textContent()).toMatch(
        /outdated.* as of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d.*The service does not answer\./,
      );
      expect(await page.evaluate(IN_SIGHT)).toBe(true);
      expect(await page.locator("footer").textContent()).not.toMatch(/live|polling/);
      expect(await page.locator(".pulse.bad").count()).toBe(1);
      expect(await findingsOf(page)).toEqual([]);
      service.signal("SIGCONT");
      await warningOf(page).waitFor({ state: "detached" });
      expect(await page.locator(".pulse.good").count()).toBe(1);
      expect(faults()).toEqual([]);
      await page.context().close();
    },
  );

  test("the answer about the money becomes a past one, and the present one by itself", async () => {
    const { page, open } = await openWatched(browser, service.address);
    await open("/");
    const answer = page.locator(".verdict .answer");
    expect(await answer.textContent()).toBe("No.");
    service.signal("SIGSTOP");
    await warningOf(page).waitFor({ timeout: 10_000 });
    expect(await answer.textContent()).toBe("Unknown.");
    expect(await page.locator(".verdict").textContent()).toMatch(/At \d{4}.* the answer was: No\./);
    service.signal("SIGCONT");
    await answer.filter({ hasText: "No." }).waitFor();
    await page.context().close();
  });

  test("a refused status says why, and what failed meanwhile is loaded again after it", async () => {
    const { page, open } = await openWatched(browser, service.address);
    await open("/accounts");
    const problem = { code: "stream_unavailable", detail: "the stream is away" };
    await page.route("**/v1/**", (route) => route.fulfill({ status: 503, json: problem }));
    await warningOf(page).filter({ hasText: "the stream is away" }).waitFor();
    await page.getByRole("link", { name: GAP_ACCOUNT }).click();
    await page.getByText("The event stream cannot be read now.").first().waitFor();
    await page.unroute("**/v1/**");
    await page.locator(".verdict .answer").waitFor();
    await whenLoaded(page);
    expect(await page.getByRole("alert").count()).toBe(0);
    await page.context().close();
  });

  test("a page whose script does not come is shown when the service is back", async () => {
    const { page, open } = await openWatched(browser, service.address);
    await open("/");
    await page.route("**/*", (route) => route.abort());
    await warningOf(page).waitFor();
    await page.getByRole("link", { name: "Accounts", exact: true }).click();
    await page.getByText("This page's script does not come.").waitFor();
    await page.unroute("**/*");
    await page.getByRole("link", { name: GAP_ACCOUNT }).waitFor();
    await page.context().close();
  });

  test("no request of a page waits for ever for its answer", async () => {
    const { page, open } = await openWatched(browser, service.address);
    await open("/accounts");
    await page.route("**/v1/*/**", () => {});
    await page.getByRole("link", { name: GAP_ACCOUNT }).click();
    await page.getByRole("heading", { name: GAP_ACCOUNT }).waitFor();
    await page.getByText("There is no connection.").first().waitFor({ timeout: 40_000 });
    await page.context().close();
  });
});

/** Whether the warning is what is drawn at its own place within the window. */
const IN_SIGHT = `(() => {
  const { left, top, right, bottom } = document.querySelector(".outage").getBoundingClientRect();
  const drawn = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  return top >= 0 && bottom <= innerHeight && drawn.closest(".outage") !== null;
})()`;
