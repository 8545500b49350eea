import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import { openWatched, startBrowser } from "../console/support/browser.ts";
import { describeBrowser } from "../console/support/describe-browser.ts";
import { addressOf, endAllProcesses, startRole } from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { configOf } from "./support/stand-in.ts";

describeBrowser("the reference at /docs in a real browser (needs Chromium)", () => {
  let address: string;
  let browser: Browser;

  beforeAll(async () => {
    address = await addressOf(startRole(["start"], configOf(newFolder())));
    browser = await startBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await endAllProcesses();
    removeFolders();
  });

  test("shows every group of routes, and asks nobody but this host", async () => {
    const { page, faults } = await openWatched(browser, address);
    await page.goto(`${address}/docs`);
    await page.getByRole("heading", { name: "Counterfoil", exact: true }).waitFor();
    for (const group of ["balances", "lifecycles", "attention", "stream", "audit", "operations"]) {
      await page.getByText(group, { exact: true }).first().waitFor();
    }
    expect(await page.getByText("Deploy API").count()).toBe(0);
    expect(faults()).toEqual([]);
    await page.close();
  });
});
