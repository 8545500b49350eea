import { describe } from "@jest/globals";
import { describeCommits } from "./model-commits.ts";
import { type ModelHarness, useModels } from "./model-fixture.ts";
import { describeGenerations } from "./model-generations.ts";
import { describeSelections } from "./model-selections.ts";
import { describeSnapshots } from "./model-snapshots.ts";
import { describeStaging } from "./model-staging.ts";

/** What every engine's read models promise, see ports/model-store.ts. */
export function describeModelStoreContract(
  name: string,
  makeHarness: () => Promise<ModelHarness>,
): void {
  describe(`read models: ${name}`, () => {
    const use = useModels(makeHarness);
    describeGenerations(use);
    describeCommits(use);
    describeStaging(use);
    describeSelections(use);
    describeSnapshots(use);
  });
}
