import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

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
  /** Closes it, also while what it asks each second is being answered by a test. */
  close: () => Promise<void>;
}>;

export type View = Readonly<{ width?: number; scheme?: "light" | "dark"; zone?: string }>;

/** A page of a browser that has loaded nothing yet. */
export async function openWatched(
  browser: Browser,
  address: string,
  view: View = {},
): Promise<WatchedPage> {
  return openWatchedIn(await openContext(browser, view), address);
}

/** What a reader looks with: nothing is loaded in it yet, and nothing kept. */
export function openContext(
  browser: Browser,
  { width = 1280, scheme = "light", zone = "Europe/Berlin" }: View = {},
): Promise<BrowserContext> {
  return browser.newContext({
    viewport: { width, height: width < 500 ? 780 : 900 },
    colorScheme: scheme,
    timezoneId: zone,
    bypassCSP: false,
  });
}

/** A page beside others of a context: what they have in common is loaded already. */
export async function openWatchedIn(
  context: BrowserContext,
  address: string,
): Promise<WatchedPage> {
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
    async close() {
      await page.unrouteAll({ behavior: "ignoreErrors" });
      await page.context().close();
    },
  };
}

const routes = new Map<string, Promise<ReadonlySet<string>>>();

/** The paths that the service answers, asked for once. */
function routesOf(address: string): Promise<ReadonlySet<string>> {
  const known = routes.get(address) ?? askRoutes(address);
  routes.set(address, known);
  return known;
}

async function askRoutes(address: string): Promise<ReadonlySet<string>> {
  const document = await (await fetch(`${address}/openapi.json`)).json();
  return new Set(Object.keys(Object(document).paths));
}

/** Once the page has its heading, and nothing on it is still being loaded. */
export async function whenLoaded(page: Page): Promise<void> {
  await page.locator("main h1").first().waitFor();
  await page.locator(".loading, .former").first().waitFor({ state: "detached" });
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SEVERE = ["serious", "critical"];
/** Of all that axe looked at, only what violates a rule is told apart and sent here. */
const RUN_AXE = `axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations)`;

/** What axe finds serious or critical, in words. Run apart from the page, whose policy lets no script in. */
export async function findingsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  const violations = (await page.evaluate(RUN_AXE)) as AxeResults["violations"];
  return violations
    .filter(({ impact }) => SEVERE.includes(impact ?? ""))
    .flatMap(({ id, nodes }) => nodes.map(({ html, target }) => `${id}: ${target} ${html}`));
}
