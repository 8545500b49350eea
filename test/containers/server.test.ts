import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  freePorts,
  type Installation,
  missingForContainers,
  startInstallation,
} from "./installation.ts";
import { balanceAfter, deliverRun, publishedAfter, sendRun, settledStatus } from "./traffic.ts";

const missing = missingForContainers("server");
if (missing !== null) console.warn(`the containers of one server are not tried: ${missing}`);
const describeWithDocker = missing === null ? describe : describe.skip;

const BALANCES = "counterfoil.balances.v1";
const PROJECT = `counterfoil-server-${process.pid}`;

describeWithDocker("docker compose up", () => {
  let installation: Installation;
  let run = 0;

  const start = async () => {
    const ports = installation?.ports ?? (await freePorts());
    installation = await startInstallation({ profile: "server", project: PROJECT, ports });
  };

  /** One more webhook: acknowledged, read and published. */
  const expectWorking = async () => {
    run += 1;
    await deliverRun(installation.ports.http, run);
    const balance = await balanceAfter(installation, run);
    expect(balance).toMatchObject({ balance: String(run), status: "continuous", open_gaps: 0 });
    const published = await publishedAfter(installation, BALANCES, run);
    expect({ ...published, updated_at: balance.updated_at }).toMatchObject({
      id: balance.id,
      balance: balance.balance,
      position: balance.position,
    });
  };

  beforeAll(start);
  afterAll(async () => installation?.down("remove"));

  test("it is PostgreSQL, Kafka and the service", () => {
    expect([...installation.services].sort()).toEqual(["counterfoil", "kafka", "postgres"]);
  });

  test("a signed webhook is acknowledged, read and published", async () => {
    await expectWorking();
    expect(await settledStatus(installation)).toMatchObject({ engine: "postgres" });
  });

  test("a webhook signed with another secret is refused", async () => {
    expect(await sendRun(installation.ports.http, 1_000, "another secret")).toBe(401);
  });

  test("the service runs without rights, and writes nowhere in its image", async () => {
    const { output: user } = await installation.exec("counterfoil", ["id", "-u"]);
    expect(user.trim()).toBe("10001");
    const { exitCode } = await installation.exec("counterfoil", ["touch", "/app/x"]);
    expect(exitCode).not.toBe(0);
    const { output } = await installation.exec("counterfoil", ["cat", "/proc/1/status"]);
    expect(output).toMatch(/^CapBnd:\s+0+$/m);
    expect(output).toMatch(/^NoNewPrivs:\s+1$/m);
  });

  test("the program's commands work inside", async () => {
    const { output, exitCode } = await installation.exec("counterfoil", ["counterfoil", "verify"]);
    expect({ output, exitCode }).toMatchObject({ exitCode: 0 });
  });

  test.each(["postgres", "kafka", "counterfoil"])("%s may be restarted", async (service) => {
    await installation.restart(service);
    await expectWorking();
  });

  test("what was kept is there again after down and up", async () => {
    const before = await settledStatus(installation);
    await installation.down("keep");
    await start();
    const after = await settledStatus(installation);
    const kept = (status: typeof before) => ({
      head: status.head,
      digests: status.projections.map(({ name, state_digest }) => [name, state_digest]),
    });
    expect(kept(after)).toEqual(kept(before));
    expect(await publishedAfter(installation, BALANCES, run)).toMatchObject({
      balance: String(run),
    });
    await expectWorking();
  });
});
