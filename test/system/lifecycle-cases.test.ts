import { describe } from "@jest/globals";
import { defineLifecycleCases } from "./lifecycle-cases.ts";
import { playWebhooks } from "./lifecycle-ledger.ts";
import { ENGINES } from "./support.ts";

describe.each(ENGINES)("lifecycles on %s:", (engine) =>
  defineLifecycleCases((webhooks) => playWebhooks(engine, webhooks)),
);
