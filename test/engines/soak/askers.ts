import { setTimeout as wait } from "node:timers/promises";
import type { OutgoingHook } from "@counterfoil/simulator/play-deliveries";
import type { Random } from "@counterfoil/simulator/random";
import { signedHeaders } from "../../e2e/support/send.ts";
import { mutated } from "./mutations.ts";

type Asking = Readonly<{
  address: () => string | null;
  random: Random;
  /** Told each status that was answered. */
  tell: (what: string, status: number) => void;
  signal: AbortSignal;
}>;

const PATIENCE_MS = 20_000;

/** Asks what reads, one question after the other, as long as nobody aborts. */
export async function keepReading({ address, random, tell, signal }: Asking): Promise<void> {
  while (!signal.aborted) {
    const url = address();
    if (url !== null) {
      const path = random.pick(READS);
      const response = await fetchOrNull(`${url}${path}`, {});
      if (response !== null) tell(path, response.status);
      await response?.arrayBuffer().catch(() => null);
    }
    await wait(random.between(0, 100));
  }
}

const READS = [
  ...[
    "/v1/balances?limit=500",
    "/v1/withdrawals?limit=200",
    "/v1/deposits?limit=200",
    "/v1/trades",
  ],
  ...["/v1/balances?known_at=2025-06-01T00:00:00Z", "/v1/balances?as_of=2025-06-01T00:00:00Z"],
  ...["/v1/events?limit=1000", "/v1/events?types=DeliveryQuarantined", "/v1/anomalies?limit=500"],
  ...["/v1/quarantine", "/v1/status", "/metrics", "/openapi.json", "/healthz", "/v1/head"],
  ...["/v1/accounts/nobody", "/v1/balances?at_position=1", "/v1/deliveries/nobody", "/v1/nothing"],
];

type Mutating = Asking &
  Readonly<{ webhooks: Iterator<OutgoingHook>; onAcknowledged: (deliveryId: string) => void }>;

/** Sends webhooks of which every second is signed as it is, and the others are not what was signed. */
export async function keepMutating(mutating: Mutating): Promise<void> {
  const { address, random, tell, signal, webhooks, onAcknowledged } = mutating;
  for (let next = webhooks.next(); !next.done && !signal.aborted; next = webhooks.next()) {
    await wait(random.between(0, 60));
    const url = address();
    if (url === null) continue;
    const hook = next.value;
    const body = mutated(hook.body, random).toWellFormed();
    const headers = signedHeaders(random.chance(0.5) ? { ...hook, body } : hook);
    const request = { method: "POST", headers, body };
    const response = await fetchOrNull(`${url}/webhooks/${hook.provider}`, request);
    if (response === null) continue;
    tell(`/webhooks/${hook.provider}`, response.status);
    const answer = (await response.json().catch(() => ({}))) as { delivery_id?: string };
    if (response.status === 200 && answer.delivery_id) onAcknowledged(answer.delivery_id);
  }
}

async function fetchOrNull(url: string, request: RequestInit): Promise<Response | null> {
  try {
    return await fetch(url, { ...request, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    return null;
  }
}
