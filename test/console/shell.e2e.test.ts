import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import { request } from "undici";
import { createKey } from "../e2e/support/api.ts";
import { openWatched, startBrowser, whenLoaded } from "./support/browser.ts";
import { describeBrowser } from "./support/describe-browser.ts";
import { GAP_ACCOUNT, type ShownService, startShownService } from "./support/shown-service.ts";

/** What every page has around it, and what may never leave one. */
describeBrowser("the console's shell in a real browser (needs Chromium)", () => {
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

  test("a page has one policy, which lets in nothing inline and nobody else", async () => {
    const answer = await fetch(service.address, { headers: { accept: "text/html" } });
    expect(answer.headers.get("content-type")).toMatch(/^text\/html/);
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*|http/);
    expect(await answer.text()).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/);
  });

  test("all scripts and styles together are small, and their names change with them", async () => {
    const ask = async (path: string) => {
      const headers = { "accept-encoding": "gzip" };
      const {
        statusCode,
        headers: answered,
        body,
      } = await request(service.address + path, { headers });
      const bytes = Buffer.from(await body.arrayBuffer());
      const isZipped = answered["content-encoding"] === "gzip";
      return {
        statusCode,
        answered,
        size: bytes.length,
        text: String(isZipped ? gunzipSync(bytes) : bytes),
      };
    };
    const named = new Set((await ask("/")).text.match(/\/console\/[\w.-]+/g));
    let sum = 0;
    for (const path of named) {
      const { statusCode, answered, size, text } = await ask(path);
      expect([path, statusCode]).toEqual([path, 200]);
      expect(answered["cache-control"]).toBe("public, max-age=31536000, immutable");
      if (!/\.(?:js|css)$/.test(path)) continue;
      sum += size;
      for (const [name] of text.matchAll(/[\w-]+-[\w-]{8}\.js/g)) named.add(`/console/${name}`);
    }
    expect(named.size).toBeGreaterThan(8);
    expect(sum).toBeLessThan(200 * 1024);
  });

  test("opens at once without keys, and its links stay within the page", async () => {
    const { page, open, faults } = await openWatched(browser, service.address);
    await open("/");
    expect(await page.locator("h1").textContent()).toBe("Is the money right?");
    await page.evaluate("globalThis.same = true");
    await page.getByRole("link", { name: "Accounts", exact: true }).click();
    await whenLoaded(page);
    expect(new URL(page.url()).pathname).toBe("/accounts");
    expect(await page.getByRole("link", { name: GAP_ACCOUNT }).isVisible()).toBe(true);
    await page.goBack();
    await whenLoaded(page);
    expect(await page.evaluate("globalThis.same")).toBe(true);
    expect(await page.locator("h1").textContent()).toBe("Is the money right?");
    expect(faults()).toEqual([]);
    await page.context().close();
  });

  test("/ goes to the search from anywhere", async () => {
    const { page, open } = await openWatched(browser, service.address);
    await open("/accounts");
    await page.keyboard.press("/");
    expect(await page.evaluate("document.activeElement.getAttribute('role')")).toBe("combobox");
    await page.context().close();
  });

  test("what is searched is found by an identifier of the provider's, and Enter opens the first", async () => {
    const { page, open, faults } = await openWatched(browser, service.address);
    await open("/");
    await page.keyboard.press("/");
    await page.keyboard.type("f2f6e0ba-8d1c-4ff4-9c0f-5f6f2a3e0001");
    await page.getByRole("option").first().waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/accounts\/zerohash/);
    await whenLoaded(page);
    const { pathname } = new URL(page.url());
    expect(decodeURIComponent(pathname)).toBe(`/accounts/${GAP_ACCOUNT}`);
    expect(faults()).toEqual([]);
    await page.context().close();
  });

  // The last one: from the first key on everybody needs one.
  test("where keys are asked for it takes one, keeps it nowhere, and asks again after a reload", async () => {
    const key = await createKey(service.env, "--role", "reader");
    const { page, open } = await openWatched(browser, service.address);
    const asked: string[] = [];
    page.on("request", (each) => asked.push(each.url()));
    await open("/accounts");
    const field = page.getByLabel("API key");
    await field.fill("cf_00000000wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await field.fill(key.secret);
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: GAP_ACCOUNT }).waitFor();
    const kept = await page.evaluate(
      "JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, location.href, history.state])",
    );
    expect(kept).not.toContain(key.secret);
    expect(await page.context().cookies()).toEqual([]);
    expect(asked.filter((url) => url.includes(key.secret))).toEqual([]);
    await page.reload();
    await page.getByLabel("API key").waitFor();
    expect(await page.getByRole("link", { name: GAP_ACCOUNT }).count()).toBe(0);
    await page.context().close();
  });
});
