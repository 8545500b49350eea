import {
  type PlayOptions,
  playDeliveries,
  SCENARIOS,
  scenarioDeliveries,
} from "@counterfoil/simulator/play-deliveries";
import { layer1Headers, zeroHashHeaders } from "@counterfoil/simulator/webhook-sender";
import { KEYS } from "./stand-in.ts";

/** Plays a documented flow's webhooks in their order. */
export function sendScenario(name: string, baseUrl: string, options: PlayOptions = {}) {
  const scenario = SCENARIOS.get(name);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  return playDeliveries(
    scenarioDeliveries(scenario),
    { baseUrls: [baseUrl], ...KEYS },
    { concurrency: 1, ...options },
  );
}

export type Acknowledgement = Readonly<{
  delivery_id: string;
  outcome: string;
  position: string;
}>;

type Webhook = Readonly<{ provider: "zerohash" | "layer1"; payloadType: string; body: string }>;

/** Sends one webhook, signed. @returns null where it was not acknowledged */
export async function sendWebhook(
  baseUrl: string,
  webhook: Webhook,
): Promise<Acknowledgement | null> {
  try {
    const response = await postWebhook(baseUrl, webhook);
    return response.status === 200 ? ((await response.json()) as Acknowledgement) : null;
  } catch {
    return null;
  }
}

/** The same, for who wants to see the answer. */
export function postWebhook(
  baseUrl: string,
  webhook: Webhook,
  signal: AbortSignal | null = null,
): Promise<Response> {
  const { provider, body } = webhook;
  const headers = signedHeaders(webhook);
  return fetch(`${baseUrl}/webhooks/${provider}`, { method: "POST", headers, body, signal });
}

export function signedHeaders({ provider, payloadType, body }: Webhook) {
  const envelope = { body, payloadType, notificationId: "", timestampMs: Date.now() };
  return provider === "layer1"
    ? layer1Headers(body, KEYS.layer1Keys)
    : zeroHashHeaders(envelope, KEYS.zeroHashKeys);
}
