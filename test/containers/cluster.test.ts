import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  freePorts,
  type Installation,
  missingForContainers,
  startInstallation,
} from "./installation.ts";
import { balanceAfter, deliverRun, publishedAfter, settledStatus } from "./traffic.ts";

const missing = missingForContainers("eventstore");
if (missing !== null) console.warn(`the containers of the cluster are not tried: ${missing}`);
const describeWithDocker = missing === null ? describe : describe.skip;

const ROLES = ["ingestor", "projector", "publisher", "gateway"];

describeWithDocker("docker compose --profile eventstore up", () => {
  let installation: Installation;
  let run = 0;

  /** One more webhook: taken in by one process, folded, read and published by three others. */
  const expectWorking = async () => {
    run += 1;
    await deliverRun(installation.ports.webhooks, run);
    const balance = await balanceAfter(installation, run);
    expect(balance).toMatchObject({ balance: String(run), status: "continuous" });
    const published = await publishedAfter(installation, "counterfoil.cluster.balances.v1", run);
    expect(published).toMatchObject({ id: balance.id, balance: balance.balance });
  };

  beforeAll(async () => {
    const project = `counterfoil-cluster-${process.pid}`;
    const ports = await freePorts();
    installation = await startInstallation({ profile: "eventstore", project, ports });
  });
  afterAll(async () => installation?.down("remove"));

  test("it is three servers and the four roles, and not the one process", () => {
    const servers = ["eventstore", "kafka", "postgres"];
    expect([...installation.services].sort()).toEqual([...servers, ...ROLES].sort());
  });

  test("a webhook goes through all four", async () => {
    await expectWorking();
    expect(await settledStatus(installation)).toMatchObject({
      ledger: "cluster",
      engine: "eventstore",
    });
  });

  // Not the event store: what stands in for it where no image can be pulled keeps nothing.
  test.each([...ROLES, "postgres", "kafka"])("%s may be restarted", async (service) => {
    await installation.restart(service);
    await expectWorking();
  });
});
