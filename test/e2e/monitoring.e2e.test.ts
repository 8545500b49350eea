import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "@counterfoil/adapters/testing/free-ports";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { stringify } from "yaml";
import {
  type FeedServer,
  startFeedServer,
} from "../../services/ingestor/src/testing/feed-server.ts";
import { describePrometheus, RULES, readDashboardQueries } from "../support/monitoring.ts";
import { readRootFile } from "../support/root-file.ts";
import { until } from "./support/api.ts";
import {
  addressOf,
  type Environment,
  endAllProcesses,
  isReady,
  startRole,
} from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { sendScenario, sendWebhook } from "./support/send.ts";
import { configOf, feedConfigOf } from "./support/stand-in.ts";

/** Five minutes become 2.5 s. Nothing but durations is divided: no count, no rate, no share. */
const DIVISOR = 120;
/** An age of hours is nothing but waited for: two of them become 10 s. */
const HOURS_DIVISOR = 720;
const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `5m`, `[5m]`, and seconds that are compared with a lag or an age (`> 300`, `> 2 * 3600`). */
function divided(text: string): string {
  return text
    .replaceAll(/(?<=for: |\[|_interval: )(\d+)([smhd])\b/g, (_, count, unit) => {
      const ms = (Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]) / DIVISOR;
      return `${ms}ms`;
    })
    .replaceAll(/(_seconds\)) > (\d+ \* 3600)$/gm, `$1 > $2 / ${HOURS_DIVISOR}`)
    .replaceAll(/(_seconds\)) > (\d+)$/gm, `$1 > $2 / ${DIVISOR}`);
}

let env: Environment;
let folder: string;
let feed: FeedServer;
let ingestor: ReturnType<typeof startRole>;
let projector: ReturnType<typeof startRole>;
let gateway: ReturnType<typeof startRole>;
let addresses: readonly string[];
let prometheus: Prometheus;

type Prometheus = Readonly<{ url: string; child: ChildProcess }>;

/** What discovery finds. */
function discover(found: readonly string[]): void {
  const targets = found.map((address) => new URL(address).host);
  writeFileSync(join(folder, "targets.json"), JSON.stringify([{ targets }]));
}

async function startPrometheus(): Promise<Prometheus> {
  writeFileSync(join(folder, "rules.yml"), divided(readRootFile(RULES)));
  const every = `${15_000 / DIVISOR}ms`;
  const config = {
    global: { scrape_interval: every, evaluation_interval: every, scrape_timeout: every },
    rule_files: ["rules.yml"],
    scrape_configs: [{ job_name: "counterfoil", file_sd_configs: [{ files: ["targets.json"] }] }],
  };
  writeFileSync(join(folder, "prometheus.yml"), stringify(config));
  const port = await freePorts();
  const child = spawn(
    "prometheus",
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--query.lookback-delta=${300_000 / DIVISOR}ms`,
    ],
    { stdio: "ignore" },
  );
  const url = `http://127.0.0.1:${port}`;
  const ready = () => fetch(`${url}/-/ready`).catch(() => null);
  await until("Prometheus", ready, (answer) => answer?.status === 200);
  return { url, child };
}

type Sample = Readonly<{ metric: Readonly<Record<string, string>>; value: [number, string] }>;

async function query(expr: string): Promise<readonly Sample[]> {
  const url = new URL("/api/v1/query", prometheus.url);
  url.searchParams.set("query", expr);
  const answer = (await (await fetch(url)).json()) as {
    status: string;
    error?: string;
    data: { result: readonly Sample[] };
  };
  if (answer.status !== "success") throw new Error(`${expr}: ${answer.error}`);
  return answer.data.result;
}

async function firing(): Promise<readonly string[]> {
  const found = await query('count by (alertname) (ALERTS{alertstate="firing"})');
  return found.map(({ metric }) => metric.alertname ?? "");
}

/** An alert has to fire within the time that its rule gives it, and some more on a busy machine. */
async function whenFiring(alert: string): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await firing()).includes(alert)) {
    if (performance.now() > deadline) throw new Error(`${alert} did not fire: ${await firing()}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

const webhook = (sky: number) =>
  sendWebhook(addresses[0] ?? "", {
    ...{ provider: "zerohash", payloadType: "weather.changed" },
    body: JSON.stringify({ sky: `${sky}` }),
  });

describePrometheus("prometheus", "a real Prometheus beside running services", () => {
  beforeAll(async () => {
    folder = newFolder();
    feed = await startFeedServer();
    env = configOf(newFolder());
    ingestor = startRole(["ingestor"], { ...env, ...feedConfigOf(feed) });
    await ingestor.whenLogged(isReady);
    projector = startRole(["projector"], env);
    gateway = startRole(["gateway"], env);
    addresses = await Promise.all([ingestor, projector, gateway].map(addressOf));
    discover(addresses);
    for (const name of ["payment-crypto", "layer1-deposit"]) {
      await sendScenario(name, addresses[0] ?? "");
    }
    prometheus = await startPrometheus();
    await until(
      "three targets",
      () => query("sum(up)"),
      ([sum]) => sum?.value[1] === "3",
    );
  });

  afterAll(async () => {
    if (prometheus !== undefined) {
      const ended = once(prometheus.child, "exit");
      prometheus.child.kill("SIGTERM");
      await ended;
    }
    await endAllProcesses();
    await feed?.stop();
    removeFolders();
  });

  test("answers every question of the dashboard", async () => {
    await webhook(0);
    await fetch(`${addresses[2]}/v1/balances`);
    // Nothing is published here.
    const asked = readDashboardQueries().filter(([, expr]) => !expr.includes("publisher"));
    expect(asked.length).toBeGreaterThan(15);
    for (const [title, expr] of asked) {
      // Nothing was refused, and no lifecycle is stuck, which leaves no series at all.
      const mayBeEmpty = /refused|stuck_records/.test(expr);
      await until(
        `an answer to "${title}": ${expr}`,
        () => query(divided(expr)),
        (found) => mayBeEmpty || found.length > 0,
      );
    }
  });

  test("a feed that is connected and mute fires", () => whenFiring("CounterfoilFeedMute"));

  test("a hundred deliveries a minute into quarantine fire", async () => {
    let sent = 1;
    const sending = setInterval(() => {
      sent += 1;
      void webhook(sent);
    }, 600);
    try {
      await whenFiring("CounterfoilQuarantineFills");
      await whenFiring("CounterfoilQuarantined");
    } finally {
      clearInterval(sending);
    }
  });

  test("a projector that is dead for an hour fires", async () => {
    projector.signal("SIGKILL");
    await projector.ended;
    await webhook(1_000_000);
    await whenFiring("CounterfoilDown");
    await whenFiring("CounterfoilModelBehind");
    await whenFiring("CounterfoilProjectorGone");
  });

  test("a provider that is silent fires", () => whenFiring("CounterfoilProviderSilent"));

  test("a gateway that cannot read a model fires", async () => {
    expect(await firing()).not.toContain("CounterfoilModelUnreadable");
    for (const end of ["", "-wal", "-shm"]) {
      rmSync(join(env.COUNTERFOIL_DATA_DIR ?? "", "models", `trades.1.db${end}`), {
        force: true,
      });
    }
    await whenFiring("CounterfoilModelUnreadable");
  });

  test("a service that is gone from discovery fires", async () => {
    expect(await firing()).not.toContain("CounterfoilGone");
    discover([]);
    await whenFiring("CounterfoilGone");
  });
});
