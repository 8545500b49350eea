import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { KeyStore } from "../ports/key-store.ts";

type KeyStoreHarness = Readonly<{
  /** Another instance on the same keys, as another process would open it. */
  open(): Promise<KeyStore>;
  /** Takes everything away that is kept. */
  lose(): Promise<void>;
  dispose(): Promise<void>;
}>;

const DIGEST = "a".repeat(64);

/** What every engine's key store promises, see ports/key-store.ts. */
export function describeKeyStoreContract(
  name: string,
  makeHarness: () => Promise<KeyStoreHarness>,
): void {
  describe(`key store: ${name}`, () => {
    let harness: KeyStoreHarness;
    let keys: KeyStore;
    let others: KeyStore;
    beforeEach(async () => {
      harness = await makeHarness();
      keys = await harness.open();
      others = await harness.open();
    });
    afterEach(async () => {
      await keys.close();
      await others.close();
      await harness.dispose();
    });

    test("is empty where nobody has kept any", async () => {
      expect([...(await keys.digests())]).toEqual([]);
      await keys.remove("nobody");
      expect([...(await keys.digests())]).toEqual([]);
    });

    test("another process sees at once what was put and removed", async () => {
      expect([...(await others.digests())]).toEqual([]);
      await keys.put("one", DIGEST);
      await keys.put("two", "b".repeat(64));
      const both = [
        ["one", DIGEST],
        ["two", "b".repeat(64)],
      ];
      expect([...(await others.digests())].sort()).toEqual(both);
      await others.remove("one");
      expect([...(await keys.digests())]).toEqual(both.slice(1));
    });

    test("a key's digest is never replaced", async () => {
      await keys.put("one", DIGEST);
      await expect(others.put("one", "b".repeat(64))).rejects.toThrow();
      expect((await keys.digests()).get("one")).toBe(DIGEST);
    });

    test("what is lost is lost, and no error; new ones are kept", async () => {
      await keys.put("one", DIGEST);
      await harness.lose();
      expect([...(await others.digests())]).toEqual([]);
      await keys.put("two", DIGEST);
      expect([...(await others.digests()).keys()]).toEqual(["two"]);
    });
  });
}
