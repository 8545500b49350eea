import { afterAll, afterEach, expect, test } from "@jest/globals";
import { createApi, whenFolded } from "./support/api.ts";
import { addressOf, endAllProcesses, startRole, stopRole } from "./support/counterfoil.ts";
import { crashThread, LETS_IN } from "./support/crash-thread.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { sendScenario } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

afterEach(endAllProcesses);
afterAll(removeFolders);

test("a projector thread that crashes is told of, started again, and delays nobody else", async () => {
  const service = startRole(["start"], { ...configOf(newFolder()), ...LETS_IN });
  const address = await addressOf(service);
  const api = createApi(address);
  await sendScenario("layer1-deposit", address);
  await whenFolded(api);

  await crashThread(service, "projector-balances");
  const told = await service.whenLogged(({ msg }) => msg === "thread ended, it is started again");
  expect(told).toMatchObject({ thread: "projector-balances", level: "error" });
  // Deliveries are taken and readers are answered meanwhile, from where the model stood.
  const { refused } = await sendScenario("layer1-withdrawal", address);
  expect(refused).toBe(0);
  expect((await fetch(`${address}/readyz`)).status).toBe(200);

  const { projections } = await whenFolded(api);
  expect(projections.every(({ lag }) => lag === 0)).toBe(true);
  expect(await stopRole(service)).toBe(0);
});
