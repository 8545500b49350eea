import { setTimeout as wait } from "node:timers/promises";
import {
  describeOwnPostgres,
  queryOnce,
} from "@counterfoil/adapters/postgres/testing/use-postgres";
import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import {
  addressOf,
  type Environment,
  endAllProcesses,
  isReady,
  runCommand,
  startRole,
  stopRole,
} from "../e2e/support/counterfoil.ts";
import { newFolder, removeFolders } from "../e2e/support/folder.ts";
import { postWebhook, sendWebhook } from "../e2e/support/send.ts";
import { configOf } from "../e2e/support/stand-in.ts";

const ROLE = "ledger";

const webhook = (id: string) =>
  ({ provider: "zerohash", payloadType: "other", body: JSON.stringify({ id }) }) as const;

afterEach(endAllProcesses);
afterAll(removeFolders);

/** Polls until the answer of /readyz has this status, and returns it. */
async function whenReadyzIs(status: number, address: string): Promise<Response> {
  for (;;) {
    const response = await fetch(`${address}/readyz`);
    if (response.status === status) return response;
    await wait(200);
  }
}

describeOwnPostgres("a role that loses its rights, and a server that is stopped", (use) => {
  const asSuperuser = (sql: string) => queryOnce(use().url, sql);
  const newEnvironment = (): Environment => {
    const url = new URL(use().url);
    url.username = ROLE;
    return { ...configOf(newFolder()), COUNTERFOIL_POSTGRES_URL: url.href };
  };

  beforeAll(async () => {
    await asSuperuser(`CREATE ROLE ${ROLE} LOGIN`);
    await asSuperuser(`GRANT CREATE ON DATABASE postgres TO ${ROLE}`);
  });

  test("the ingestor logs why, is not ready until it can write, and the status invents nothing", async () => {
    const env = newEnvironment();
    const ingestor = startRole(["ingestor"], env);
    const address = await addressOf(ingestor);
    const projector = startRole(["projector"], env);
    await projector.whenLogged(isReady);
    expect(await sendWebhook(address, webhook("1"))).not.toBeNull();

    await asSuperuser(`REVOKE INSERT ON counterfoil.events FROM ${ROLE}`);
    expect(await sendWebhook(address, webhook("2"))).toBeNull();
    const refused = await ingestor.whenLogged(({ cause }) => cause !== undefined);
    expect(refused).toMatchObject({
      cause: expect.stringContaining("permission denied"),
      code: "42501",
      reason: expect.stringContaining("give its user the right to it"),
    });
    // Longer than the pause before the stream is tried again.
    for (let second = 0; second < 8; second += 1) {
      expect((await fetch(`${address}/readyz`)).status).toBe(503);
      await wait(1_000);
    }
    await asSuperuser(`GRANT INSERT ON counterfoil.events TO ${ROLE}`);
    await whenReadyzIs(200, address);
    expect(await sendWebhook(address, webhook("2"))).not.toBeNull();

    expect(await stopRole(projector)).toBe(0);
    expect(projector.log()).not.toMatch(/projection failed|already exists/);
    await asSuperuser(`REVOKE SELECT ON counterfoil.generations FROM ${ROLE}`);
    const { code, stdout } = await runCommand(["status"], env);
    expect(code).toBe(1);
    expect(stdout).toContain("What was delivered is not known: balances cannot be read");
    expect(stdout).toContain("permission denied for table generations");
    expect(stdout).not.toMatch(/Nothing was delivered|Nobody is needed|events behind/);
    const status: StatusRecord = JSON.parse((await runCommand(["status", "--json"], env)).stdout);
    expect(status.projections.map(({ state }) => state)).toEqual(Array(4).fill("unreadable"));
    await asSuperuser(`GRANT SELECT ON counterfoil.generations TO ${ROLE}`);

    await use().stop();
    const down = await whenReadyzIs(503, address);
    expect(await down.json()).toMatchObject({ code: "stream_unavailable" });
    await use().start();
    await whenReadyzIs(200, address);
    expect(await stopRole(ingestor)).toBe(0);
  });

  test("a person is told that no webhook is taken, by the service and by other processes", async () => {
    const env = { ...newEnvironment(), COUNTERFOIL_LEDGER: "told" };
    const service = startRole(["start"], env);
    const address = await addressOf(service);
    await service.whenLogged(isReady);
    const gateway = startRole(["gateway"], env);
    const gatewayAddress = await addressOf(gateway);
    await gateway.whenLogged(isReady);
    expect(await sendWebhook(address, webhook("1"))).not.toBeNull();
    const needOf = ({ needs_a_person }: StatusRecord) =>
      needs_a_person.find(({ what }) => what.includes("the stream refuses appends"));
    const needAt = async (at: string) => {
      const { data } = (await (await fetch(`${at}/v1/status`)).json()) as { data: StatusRecord };
      return needOf(data);
    };
    const needOfCommand = async () => {
      const { code, stdout } = await runCommand(["status", "--json"], env);
      const need = needOf(JSON.parse(stdout));
      if (need !== undefined) expect(code).toBe(1);
      return need;
    };
    expect([await needAt(address), await needOfCommand()]).toEqual([undefined, undefined]);

    // What was done to the database, and what takes it back.
    const bodies = "ALTER TABLE counterfoil_told.bodies OWNER TO";
    const readOnly = `ALTER ROLE ${ROLE} SET default_transaction_read_only`;
    for (const [refuse, permit] of [
      [`${bodies} postgres`, `${bodies} ${ROLE}`],
      [`${readOnly} = on`, `${readOnly} = off`],
    ] as const) {
      await asSuperuser(refuse);
      // A setting of a role counts from the next connection on.
      await asSuperuser(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ledger'",
      );
      while ((await postWebhook(address, webhook(refuse))).status !== 503) await wait(200);
      expect((await needAt(address))?.do).toContain("docs/runbook.md#counterfoilwebhooksnottaken");
      expect(await needOfCommand()).toBeDefined();
      await asSuperuser(permit);
      await asSuperuser(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ledger'",
      );
      await whenReadyzIs(200, address);
      while ((await needAt(address)) !== undefined) await wait(200);
      expect(await needOfCommand()).toBeUndefined();
    }
    await asSuperuser(`${bodies} postgres`);
    while ((await needAt(gatewayAddress)) === undefined) await wait(1_000);
    const printed = await runCommand(["status"], env);
    expect(printed.stdout).toContain("no webhook is taken: the stream refuses appends");
    expect(printed.stdout).toContain("permission denied for table bodies");
    await asSuperuser(`${bodies} ${ROLE}`);
    for (const role of [gateway, service]) expect(await stopRole(role)).toBe(0);
  });

  test("webhooks are refused while somebody has locked a table, however many come, and taken afterwards", async () => {
    const env = { ...newEnvironment(), COUNTERFOIL_LEDGER: "locked" };
    const ingestor = startRole(["ingestor"], env);
    const address = await addressOf(ingestor);
    expect(await sendWebhook(address, webhook("1"))).not.toBeNull();
    const locking = asSuperuser(
      "BEGIN; LOCK TABLE counterfoil_locked.bodies; SELECT pg_sleep(600)",
    ).catch(() => "ended");
    const holder = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    while ((await asSuperuser(holder)).length === 0) await wait(100);
    const ids = Array.from({ length: 20 }, (_, at) => `of many ${at}`);
    // One append after the other would take minutes.
    const answers = await Promise.all(ids.map((id) => postWebhook(address, webhook(id))));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(503));
    expect((await fetch(`${address}/readyz`)).status).toBe(503);
    const refused = await ingestor.whenLogged(({ cause }) => cause !== undefined);
    expect(refused).toMatchObject({ cause: expect.stringContaining("lock timeout") });
    await asSuperuser(`SELECT pg_terminate_backend(pid) FROM (${holder}) AS holder`);
    expect(await locking).toBe("ended");
    await whenReadyzIs(200, address);
    for (const id of ids) expect(await sendWebhook(address, webhook(id))).not.toBeNull();
    expect(await stopRole(ingestor)).toBe(0);
  }, 60_000);

  test("what a trigger refuses is not acknowledged, told in the server's words, and taken later", async () => {
    const env = { ...newEnvironment(), COUNTERFOIL_LEDGER: "triggered" };
    const ingestor = startRole(["ingestor"], env);
    const address = await addressOf(ingestor);
    expect(await sendWebhook(address, webhook("1"))).not.toBeNull();
    await asSuperuser(`
      CREATE FUNCTION refuse() RETURNS trigger AS
        $$ BEGIN RAISE EXCEPTION 'not on a Monday' USING ERRCODE = '22P02'; END $$ LANGUAGE plpgsql`);
    const refuse = (table: string, when: string) =>
      asSuperuser(`
        CREATE TRIGGER refuse BEFORE INSERT ON counterfoil_triggered.${table}
        FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION refuse()`);

    await refuse("events", "true");
    const answer = await postWebhook(address, webhook("2"));
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: "stream_unavailable" });
    const refused = await ingestor.whenLogged(({ cause }) => cause !== undefined);
    expect(refused).toMatchObject({ cause: "not on a Monday", code: "22P02" });
    // Longer than the pause before the stream is tried again.
    for (let second = 0; second < 8; second += 1) {
      expect((await fetch(`${address}/readyz`)).status).toBe(503);
      await wait(1_000);
    }
    await asSuperuser("DROP TRIGGER refuse ON counterfoil_triggered.events");
    await whenReadyzIs(200, address);

    await refuse("bodies", "position('poison'::bytea IN NEW.bytes) > 0");
    const [poison, sound] = await Promise.all([
      postWebhook(address, webhook("poison")),
      postWebhook(address, webhook("2")),
    ]);
    expect([poison.status, sound.status]).toEqual([500, 200]);
    expect((await fetch(`${address}/readyz`)).status).toBe(200);
    expect(await stopRole(ingestor)).toBe(0);
  });
});
