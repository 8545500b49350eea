import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";

export const CHROMIUM = "/usr/bin/chromium";

export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });

/** A page of the console, and whatever must not happen on it. */
export type WatchedPage = Readonly<{
  page: Page;
  /** Errors and warnings of its console, uncaught errors, refusals, requests to another origin. */
  faults: () => readonly string[];
  /** Opens a path of the console, and waits until nothing is being loaded. */
  open: (path: string) => Promise<void>;
}>;

type View = Readonly<{ width?: number; scheme?: "light" | "dark"; zone?: string }>;

export async function openWatched(
  browser: Browser,
  address: string,
  { width = 1280, scheme = "light", zone = "Europe/Berlin" }: View = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width, height: width < 500 ? 780 : 900 },
    colorScheme: scheme,
    timezoneId: zone,
    bypassCSP: false,
  });
  const page = await context.newPage();
  const faults: string[] = [];
  const known = await routesOf(address);
  page.on("console", (message) => {
    // An answer that is a refusal: told below, with its address.
    if (message.text().startsWith("Failed to load resource")) return;
    if (["error", "warning"].includes(message.type())) faults.push(message.text());
  });
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    // The console does without a list that the service does not have.
    const isMissing = /^\/v1\/\w+$/.test(pathname) && !known.has(pathname);
    if (response.status() < 400 || isMissing) return;
    faults.push(`${response.status()} ${pathname}`);
  });
  page.on("pageerror", ({ message }) => faults.push(message));
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol !== "data:" && origin !== address) faults.push(`asked ${request.url()}`);
  });
  return {
    page,
    faults: () => faults,
    async open(path) {
      await page.goto(new URL(path, address).href);
      await whenLoaded(page);
    },
  };
}

/** The paths that the service answers. */
async function routesOf(address: string): Promise<ReadonlySet<string>> {
  const document = await (await fetch(`${address}/openapi.json`)).json();
  return new Set(Object.keys(Object(document).paths));
}

/** Once the page has its heading, and nothing on it is still being loaded. */
export async function whenLoaded(page: Page): Promise<void> {
  await page.locator("main h1").first().waitFor();
  await page.locator(".loading").first().waitFor({ state: "detached" });
}

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const SEVERE = ["serious", "critical"];

/** What axe finds serious or critical, in words. Run apart from the page, whose policy lets no script in. */
export async function findingsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(readFileSync(AXE, "utf8"));
  const { violations } = (await page.evaluate("axe.run()")) as AxeResults;
  return violations
    .filter(({ impact }) => SEVERE.includes(impact ?? ""))
    .flatMap(({ id, nodes }) => nodes.map(({ html, target }) => `${id}: ${target} ${html}`));
}
