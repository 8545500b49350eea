import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Projection } from "@counterfoil/processing/projection/projection";

/** The same projection by a program that fails on some subjects, after half of the work is done. */
export const failing = (
  projection: Projection,
  isFaulty: (subject: string) => boolean,
): Projection => ({
  ...projection,
  open: async (store, hashes, options) => {
    const session = await projection.open(store, hashes, options);
    const apply = async (event: RecordedEvent) => {
      await session.apply(event);
      if (isFaulty(event.subject)) throw new TypeError("planted by the test");
    };
    return Object.create(session, { apply: { value: apply } });
  },
});
