import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import { createApi, createKey, whenFolded } from "../e2e/support/api.ts";
import {
  addressOf,
  type Environment,
  endAllProcesses,
  startRole,
} from "../e2e/support/counterfoil.ts";
import { newFolder, removeFolders } from "../e2e/support/folder.ts";
import { configOf } from "../e2e/support/stand-in.ts";
import { openWatched, startBrowser, whenLoaded } from "./support/browser.ts";
import { describeConsole } from "./support/describe-browser.ts";
import { accountOf, fillAccounts, PLANTED } from "./support/many-accounts.ts";

const ACCOUNTS = 10_000;

/** Lists are read by the page, and one account among many is found. */
describeConsole("the console over 10,000 accounts", (newLedger) => {
  let env: Environment;
  let address: string;
  let browser: Browser;

  beforeAll(async () => {
    env = { ...configOf(newFolder()), ...(await newLedger()) };
    const head = await fillAccounts(env, ACCOUNTS);
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
    await page.goBack();
    await page.getByRole("link", { name: accountOf(1) }).waitFor();
    expect(await rows.first().textContent()).toBe(first);
    expect(faults()).toEqual([]);
    await page.context().close();
  });

  test("a stranger finds the missing 5 USD from the start page, the bytes before it, and says so", async () => {
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
    await rows.nth(2).getByRole("link").nth(1).click();
    await page.waitForURL(/\/deliveries\//);
    await whenLoaded(page);
    expect(await page.locator("pre.body").textContent()).toContain('"balance": "120"');
    expect(faults()).toEqual([]);

    const { secret } = await createKey(env, "--role", "operator", "--name", "stranger");
    await page.getByLabel("API key").fill(secret);
    await page.keyboard.press("Enter");
    await whenLoaded(page);
    await page.getByRole("link", { name: "Is the money right?" }).click();
    await whenLoaded(page);
    await gap.getByRole("link", { name: /^gap/ }).click();
    await whenLoaded(page);
    await page.getByRole("button", { name: "Acknowledge" }).click();
    await page.getByLabel(/^Note/).fill("asked the provider for run 3");
    await page.keyboard.press("Enter");
    await page.getByText("asked the provider for run 3").waitFor();
    expect(faults().filter((fault) => !fault.startsWith("401 "))).toEqual([]);
    await page.context().close();
  });
});
