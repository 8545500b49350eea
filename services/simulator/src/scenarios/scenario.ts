/** One message of the provider; texts and bodies are sent byte for byte. */
export type ScenarioStep =
  | Readonly<{ kind: "feed-snapshot" | "feed-update"; text: string }>
  | Readonly<{ kind: "zerohash-webhook"; payloadType: string; body: string }>
  | Readonly<{ kind: "layer1-webhook"; body: string }>;

/** A documented flow, in the order of the provider's page. */
export type Scenario = Readonly<{ name: string; title: string; steps: readonly ScenarioStep[] }>;

type Body = Readonly<Record<string, unknown>>;

/** Indented as on the provider's pages: receivers have to handle any formatting. */
const PRINTED_INDENT = 2;

export function feedSnapshot(accounts: readonly Body[]): ScenarioStep {
  return {
    kind: "feed-snapshot",
    text: printed({ messageType: "initial-balance", body: accounts }),
  };
}

export function feedUpdate(body: Body): ScenarioStep {
  return { kind: "feed-update", text: printed({ messageType: "balance-updated", body }) };
}

export function zeroHashWebhook(payloadType: string, body: Body): ScenarioStep {
  return { kind: "zerohash-webhook", payloadType, body: printed(body) };
}

export function layer1Webhook(body: Body): ScenarioStep {
  return { kind: "layer1-webhook", body: printed(body) };
}

function printed(value: unknown): string {
  return JSON.stringify(value, null, PRINTED_INDENT);
}
