import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import { createApi, whenFolded } from "../e2e/support/api.ts";
import { addressOf, endAllProcesses, startRole } from "../e2e/support/counterfoil.ts";
import { newFolder, removeFolders } from "../e2e/support/folder.ts";
import { configOf } from "../e2e/support/stand-in.ts";
import { openWatched, startBrowser, whenLoaded } from "./support/browser.ts";
import { describeBrowser } from "./support/describe-browser.ts";
import { accountOf, fillAccounts, PLANTED } from "./support/many-accounts.ts";

jest.setTimeout(300_000);

const ACCOUNTS = 10_000;

/** Lists are read by the page, and one account among many is found. */
describeBrowser("the console over 10,000 accounts (needs Chromium)", () => {
  let address: string;
  let browser: Browser;

  beforeAll(async () => {
    const env = configOf(newFolder());
    const head = await fillAccounts(env.COUNTERFOIL_DATA_DIR ?? "", ACCOUNTS);
    address = await addressOf(startRole(["start"], env));
    // Three times the patience of one wait, on a machine that has more to do.
    const folded = () => whenFolded(createApi(address), head);
    await folded().catch(folded).catch(folded);
    browser = await startBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await endAllProcesses();
    removeFolders();
  });

  test("a stranger finds the missing 5 USD from the start page, and the delivery before it", async () => {
    const { page, open, faults } = await openWatched(browser, address);
    await open("/");
    const gap = page.getByRole("listitem").filter({ hasText: /gap\s*\+5 USD/ });
    await gap.getByRole("link", { name: accountOf(PLANTED) }).click();
    await whenLoaded(page);
    expect(decodeURIComponent(new URL(page.url()).pathname)).toBe(
      `/accounts/${accountOf(PLANTED)}`,
    );
    const rows = page.getByRole("region", { name: "History" }).locator("tbody tr");
    expect((await rows.allTextContents())[1]).toMatch(/gap.*\+5/);
    const before = await rows.nth(2).getByRole("link").nth(1).getAttribute("href");
    const id = before?.replace("/deliveries/", "");
    const bytes = await (await fetch(`${address}/v1/deliveries/${id}/body`)).text();
    expect(JSON.parse(bytes)).toMatchObject({ balance: "120" });
    expect(faults()).toEqual([]);
    await page.context().close();
  });

  test("the list of accounts comes by the page, each with an address of its own", async () => {
    const { page, open, faults } = await openWatched(browser, address);
    await open("/accounts");
    const rows = page.locator("tbody tr");
    expect(await rows.count()).toBe(50);
    const first = await rows.first().textContent();
    await page.getByRole("link", { name: "Next page" }).click();
    await page.waitForURL(/cursor=/);
    await whenLoaded(page);
    await page.getByRole("link", { name: accountOf(51) }).waitFor();
    expect(await rows.count()).toBe(50);
    await page.reload();
    await whenLoaded(page);
    await page.getByRole("link", { name: accountOf(51) }).waitFor();
    await page.getByRole("button", { name: "Back" }).click();
    await page.getByRole("link", { name: accountOf(1) }).waitFor();
    expect(await rows.first().textContent()).toBe(first);
    expect(faults()).toEqual([]);
    await page.context().close();
  });
});
