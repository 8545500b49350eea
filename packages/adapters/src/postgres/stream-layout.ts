import { IS_INDEXED_TYPE } from "../bulk-types.ts";
import type { Layout } from "./layout.ts";

/**
 * Position is given by whoever appends, never by a sequence: that would leave holes, and show a
 * later event before an earlier one. Data is text, which keeps its bytes; text that is compared or
 * ordered goes by its bytes ("C"), whatever the database's language.
 *
 * `events_rare` holds `position + 0`, since the planner may believe that a walk along the primary
 * key soon meets a rare type, and then read millions of events for nothing: the key cannot serve an
 * expression.
 */
export const STREAM_LAYOUT: Layout = {
  part: "stream",
  migrations: [
    (schema) => `
      CREATE TABLE ${schema}.events (
        position bigint PRIMARY KEY,
        id text COLLATE "C" NOT NULL UNIQUE,
        type text COLLATE "C" NOT NULL,
        schema_version integer NOT NULL,
        subject text COLLATE "C" NOT NULL,
        occurred_at bigint,
        recorded_at bigint NOT NULL,
        causation_id text,
        correlation_id text,
        hash text COLLATE "C" NOT NULL,
        about text COLLATE "C",
        data text NOT NULL
      );
      CREATE INDEX events_about ON ${schema}.events (about, position) WHERE about IS NOT NULL;
      CREATE INDEX events_rare ON ${schema}.events (type, (position + 0)) WHERE ${IS_INDEXED_TYPE};
      CREATE TABLE ${schema}.bodies (sha256 text COLLATE "C" PRIMARY KEY, bytes bytea NOT NULL);`,
  ],
};
