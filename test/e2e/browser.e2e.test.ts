import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { type Browser, chromium, type Page } from "playwright-core";
import { balanceBody } from "../system/messages.ts";
import { createApi, createOperatorApi, whenFolded } from "./support/api.ts";
import { addressOf, endAllProcesses, startRole } from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { sendWebhook } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

const CHROMIUM = "/usr/bin/chromium";
const describeBrowser = existsSync(CHROMIUM) ? describe : describe.skip;

/** What a page of anybody tries with an address on the machine of who visits it. */
describeBrowser("a page of another origin in a real browser (needs Chromium)", () => {
  const env = configOf(newFolder());
  let service: ReturnType<typeof startRole>;
  let address: string;
  let evil: Server;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    service = startRole(["start"], env);
    address = await addressOf(service);
    const body = balanceBody({ run: 1, change: "1", balance: "1", at: 1_746_000_000_000 });
    const hook = { provider: "zerohash", payloadType: "account_balance.changed" } as const;
    await sendWebhook(address, { ...hook, body: JSON.stringify(body) });
    await whenFolded(createApi(address), 2);
    evil = createServer((_request, reply) => {
      reply.setHeader("content-type", "text/html").end("<title>evil</title><body></body>");
    });
    await new Promise<void>((done) => evil.listen(0, "127.0.0.1", done));
    const { port } = evil.address() as AddressInfo;
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        ...["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        // A name that points to this machine, as a rebound one does.
        `--host-resolver-rules=MAP evil.example 127.0.0.1:${port}, MAP rebound.example ${new URL(address).host}`,
      ],
    });
  });

  beforeEach(async () => {
    page = await browser.newPage();
    await page.goto("http://evil.example/");
    expect(await page.title()).toBe("evil");
  });

  afterEach(() => page.close());

  afterAll(async () => {
    await browser?.close();
    evil?.close();
    await endAllProcesses();
    removeFolders();
  });

  /** What a script of the page gets to see of an address. */
  const seen = (url: string, init: Readonly<{ method?: "POST"; mode?: "no-cors" }> = {}) =>
    page.evaluate(
      async ([url, init]) => {
        try {
          const answer = await fetch(url, init);
          return { type: answer.type, status: answer.status, text: await answer.text() };
        } catch (error) {
          return { failed: String(error) };
        }
      },
      [url, init] as const,
    );

  const headOf = async () => (await createApi(address).get<StatusRecord>("/v1/status")).head;

  test("reads nothing, whatever it asks with", async () => {
    const url = `${address}/v1/balances`;
    expect(await seen(url)).toEqual({ failed: expect.stringContaining("Failed to fetch") });
    const opaque = { type: "opaque", status: 0, text: "" };
    const unseen = await seen(url, { mode: "no-cors" });
    expect(["failed" in unseen ? opaque : unseen]).toEqual([opaque]);
    const embedded = await page.evaluate(`new Promise((resolve) => {
      const script = document.createElement("script");
      script.src = ${JSON.stringify(url)};
      script.onload = () => resolve("loaded");
      script.onerror = () => resolve("refused");
      document.body.append(script);
    })`);
    expect(embedded).toBe("refused");
  });

  test("changes nothing: not by a request, not by a form", async () => {
    const before = await headOf();
    const rebuild = `${address}/v1/projections/balances/rebuild`;
    await seen(rebuild, { method: "POST", mode: "no-cors" });
    await seen(rebuild, { method: "POST" });
    const quoted = JSON.stringify(rebuild);
    await page.evaluate(`navigator.sendBeacon(${quoted})`);
    const answered = page.waitForResponse((answer) => answer.request().isNavigationRequest());
    await page.evaluate(`
      const form = document.createElement("form");
      Object.assign(form, { action: ${quoted}, method: "post" });
      document.body.append(form);
      form.submit();`);
    expect((await answered).status()).toBe(403);
    expect(await headOf()).toBe(before);
  });

  test("reads nothing under a name of its own that points here", async () => {
    await page.goto("http://rebound.example/healthz");
    expect(new URL(page.url()).hostname).toBe("rebound.example");
    const answer = await seen("/v1/balances");
    expect(answer).toMatchObject({ type: "basic", status: 421 });
    expect(answer).not.toMatchObject({ text: expect.stringContaining("zerohash:") });
  });

  test("what it is refused, who has a key is given", async () => {
    const operator = await createOperatorApi(address, env);
    const progress = await operator.post<{ model: string }>("/v1/projections/balances/rebuild");
    expect(progress.model).toBe("balances");
  });
});
