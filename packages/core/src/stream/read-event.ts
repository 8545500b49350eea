import { schemaGrowth } from "./schema-growth.ts";

/**
 * Every step that the facts have taken since the first release, the oldest first. To change a shape:
 * add a step here, change its zod schema in contracts/fact.ts, raise the version of each model that
 * folds the type (their rows hold what was read), and leave the fixtures of older versions alone.
 */
const GROWTH = schemaGrowth([]);

/** The one way from an event's stored bytes to what it says. */
export const { presentVersion, isTooNew, isPresent, readData } = GROWTH;
