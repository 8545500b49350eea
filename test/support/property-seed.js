import fc from "fast-check";

/**
 * Properties try the same cases on every run, so that a failure is of the change at hand.
 * `COUNTERFOIL_TEST_SEED=random` tries others, a number tries those of that seed.
 */
const wanted = process.env.COUNTERFOIL_TEST_SEED ?? "1";
if (wanted !== "random") fc.configureGlobal({ seed: Number(wanted) });
