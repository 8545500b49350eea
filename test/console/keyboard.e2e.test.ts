import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { createApi, createKey } from "../e2e/support/api.ts";
import { openWatched, startBrowser, type WatchedPage, whenLoaded } from "./support/browser.ts";
import { describeBrowser } from "./support/describe-browser.ts";
import { GAP_ACCOUNT, type ShownService, startShownService } from "./support/shown-service.ts";

const ACCOUNT_PATH = `/accounts/${encodeURIComponent(GAP_ACCOUNT)}`;

/** The console by keyboard alone: where the focus is, and what a screen reader hears. */
describeBrowser("the console by keyboard (needs Chromium)", () => {
  let service: ShownService;
  let browser: Browser;

  beforeAll(async () => {
    service = await startShownService();
    browser = await startBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await service?.stop();
  });

  const on = async (
    path: string,
    look: (shown: WatchedPage) => Promise<void>,
    expected: readonly string[] = [],
  ) => {
    const shown = await openWatched(browser, service.address);
    await shown.open(path);
    await look(shown);
    expect(shown.faults()).toEqual(expected);
    await shown.page.context().close();
  };

  /** Once the element has the focus that a selector names. */
  const whenFocused = (page: Page, selector: string) => page.locator(`${selector}:focus`).waitFor();
  const focused = (page: Page): Promise<string> =>
    page.evaluate("document.activeElement.textContent || document.activeElement.tagName");

  describe("the focus", () => {
    test("goes to the heading of a page that is opened, which is announced", () =>
      on("/", async ({ page }) => {
        await page.getByRole("link", { name: "Deposits" }).press("Enter");
        await whenFocused(page, "h1");
        expect(await focused(page)).toBe("Deposits");
        await page.getByRole("status").filter({ hasText: "Deposits" }).waitFor();
        await whenLoaded(page);
        await page.locator("tbody a").first().press("Enter");
        await page.waitForURL(/deposits\/./);
        await whenFocused(page, "h1");
        await page.goBack();
        await page.waitForURL(/deposits$/);
        await whenFocused(page, "h1");
        expect(await focused(page)).toBe("Deposits");
      }));

    test("stays in a filter, whose further values the arrows reach", () =>
      on("/deliveries", async ({ page }) => {
        const filter = page.getByLabel("Outcome");
        await filter.focus();
        for (const outcome of ["recorded", "repeated", "quarantined"]) {
          await page.keyboard.press("ArrowDown");
          await page.waitForURL(`**/deliveries?outcome=${outcome}`);
          await whenLoaded(page);
          expect(await filter.inputValue()).toBe(outcome);
        }
        await whenFocused(page, "#filter-outcome");
        await page.goBack();
        await page.waitForURL("**/deliveries?outcome=repeated");
        await whenLoaded(page);
        expect(await filter.inputValue()).toBe("repeated");
        await page.getByRole("link", { name: "Clear" }).press("Enter");
        await page.waitForURL(/deliveries$/);
        await whenFocused(page, "main *");
        expect(await filter.inputValue()).toBe("");
      }));

    test("stays on the slider of time, step by step", () =>
      on(ACCOUNT_PATH, async ({ page }) => {
        const answer = page.locator(".verdict .answer");
        await page.getByLabel("Time", { exact: true }).focus();
        for (const balance of ["120", "100"]) {
          await page.keyboard.press("ArrowLeft");
          await answer.filter({ hasText: balance }).waitFor();
          expect(await page.locator(".slider output .amount").textContent()).toBe(balance);
        }
        for (const balance of ["120", "130"]) {
          await page.keyboard.press("ArrowRight");
          await answer.filter({ hasText: balance }).waitFor();
        }
        await whenFocused(page, "#slider");
        expect(new URL(page.url()).search).toBe("");
      }));

    test("is on the page's heading after a result of the search was opened", () =>
      on("/accounts", async ({ page }) => {
        await page.keyboard.press("/");
        await page.keyboard.type("GAP001");
        await page.getByRole("option").first().waitFor();
        await page.keyboard.press("Enter");
        await whenFocused(page, "h1");
      }));

    test("stays on the pager, also on the last page", () =>
      on("/stream?limit=20", async ({ page }) => {
        const next = page.locator(".pager .button");
        await next.focus();
        while ((await next.textContent()) !== "Last page") {
          const cursor = page.url();
          await page.keyboard.press("Enter");
          await page.waitForURL((url) => url.href !== cursor);
          await whenLoaded(page);
        }
        await whenFocused(page, ".pager .button");
        await page.getByRole("link", { name: "First page" }).press("Enter");
        await page.waitForURL(/stream\?limit=20$/);
        await whenFocused(page, "main *");
      }));

    test("goes into a question, and back to its button", () =>
      on(
        "/projections",
        async ({ page }) => {
          const trades = page.locator("section.panel").filter({ hasText: /^trades/ });
          const button = trades.getByRole("button", { name: "Rebuild" });
          await button.press("Enter");
          await whenFocused(page, "[role=alertdialog]");
          await page.keyboard.press("Escape");
          await page.locator("button:focus", { hasText: "Rebuild" }).waitFor();
          await page.keyboard.press("Enter");
          await trades.getByRole("button", { name: "No" }).press("Enter");
          await page.locator("button:focus", { hasText: "Rebuild" }).waitFor();
          await button.press("Enter");
          await trades.getByRole("button", { name: "Yes, rebuild" }).press("Enter");
          await page.getByText("counterfoil keys create --role operator").waitFor();
          expect(await focused(page)).toBe("Rebuild");
        },
        ["401 /v1/projections/trades/rebuild"],
      ));

    test("goes into a note, and back to its button", () =>
      on("/attention", async ({ page }) => {
        const row = page.locator("tr").filter({ hasText: GAP_ACCOUNT });
        await row.getByRole("button", { name: "Acknowledge" }).press("Enter");
        await whenFocused(page, "input[name=note]");
        await page.keyboard.press("Escape");
        await page.locator("button:focus", { hasText: "Acknowledge" }).waitFor();
        await page.keyboard.press("Enter");
        await whenFocused(page, "input[name=note]");
        await row.getByRole("button", { name: "Cancel" }).press("Enter");
        await page.locator("button:focus", { hasText: "Acknowledge" }).waitFor();
      }));

    test("is never hidden behind what stays in place", () =>
      on(ACCOUNT_PATH, async ({ page }) => {
        await page.setViewportSize({ width: 1280, height: 420 });
        await page.getByLabel("Search by any identifier").focus();
        const covered: string[] = [];
        for (;;) {
          await page.keyboard.press("Tab");
          const found = (await page.evaluate(COVERED)) as string | null;
          if (found === "outside") break;
          if (found !== null) covered.push(found);
        }
        expect(covered).toEqual([]);
      }));
  });

  describe("the search", () => {
    test("names the option that Enter opens", () =>
      on("/", async ({ page }) => {
        await page.keyboard.press("/");
        await page.keyboard.type("2");
        const options = page.getByRole("option");
        await options.nth(1).waitFor();
        const field = page.getByRole("combobox");
        const active = async () => {
          const id = await field.getAttribute("aria-activedescendant");
          return page.locator(`[id="${id}"]`).textContent();
        };
        expect(await active()).toBe(await options.first().textContent());
        await page.keyboard.press("ArrowDown");
        await options.nth(1).and(page.locator("[aria-selected=true]")).waitFor();
        expect(await active()).toBe(await options.nth(1).textContent());
      }));

    test("opens what the text finds, not what a former text has found", () =>
      on("/", async ({ page }) => {
        await page.keyboard.press("/");
        await page.keyboard.type("1");
        await page.getByRole("option").first().waitFor();
        await page.keyboard.press("Backspace");
        await page.keyboard.type("4");
        await page.keyboard.press("Enter");
        const [first] = await createApi(service.address).get<readonly { path: string }[]>(
          "/v1/search",
          { q: "4" },
        );
        await page.waitForURL(service.address + first?.path);
      }));
  });

  test("an address that does not exist is a page that says so", () =>
    on(
      "/",
      async ({ page }) => {
        const response = await page.goto(`${service.address}/nope`);
        expect(response?.status()).toBe(404);
        await page.getByRole("heading", { name: "There is no such page." }).waitFor();
        expect(await page.title()).toContain("no such page");
        await page.getByRole("link", { name: "Accounts", exact: true }).press("Enter");
        await page.getByRole("heading", { name: "Accounts" }).waitFor();
        const asked = await fetch(`${service.address}/nope`, { headers: { accept: "*/*" } });
        expect(await asked.json()).toMatchObject({ code: "not_found" });
      },
      ["404 /nope"],
    ));

  // The last one: from the first key on everybody needs one.
  test("a session with a key: its form has the focus, then the page's heading", async () => {
    const { secret } = await createKey(service.env, "--role", "reader");
    const { page, open } = await openWatched(browser, service.address);
    await open("/accounts");
    await whenFocused(page, "input[name=key]");
    await page.keyboard.type("cf_😀");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "letters, digits" }).waitFor();
    await page.getByLabel("API key").fill(secret);
    await page.keyboard.press("Enter");
    await whenFocused(page, "main h1");
    await page.getByRole("button", { name: "Log out" }).press("Enter");
    await whenFocused(page, "input[name=key]");
    await page.context().close();
  });
});

/** What of the focused element in `main` is not visible; null if all is. */
const COVERED = `(() => {
  const element = document.activeElement;
  if (element.closest("main") === null && element.closest(".above") === null) return "outside";
  if (element.closest("main") === null || element.matches("section, pre")) return null;
  const { top, bottom } = element.getBoundingClientRect();
  const above = document.querySelector(".above").getBoundingClientRect().bottom;
  const below = document.querySelector("footer").getBoundingClientRect().top;
  return top >= above && bottom <= below ? null : element.outerHTML.slice(0, 80);
})()`;
