import type { IncomingHttpHeaders } from "node:http";
import type { Config } from "@counterfoil/contracts/config";
import type { Provider } from "@counterfoil/contracts/scalar";
import { createLayer1Verifier } from "./signature/layer1.ts";
import { headerText, type VerifySignature } from "./signature/signature-result.ts";
import { createZeroHashVerifier } from "./signature/zero-hash.ts";

/** A provider's side of the webhook route. */
export type WebhookSource = Readonly<{
  provider: Provider;
  path: string;
  /** null: nothing is configured for the provider, so its route does not exist. */
  verify: VerifySignature | null;
  payloadType: (headers: IncomingHttpHeaders, body: Uint8Array) => string;
  notificationId: (headers: IncomingHttpHeaders) => string | null;
}>;

type SourceOptions = Readonly<{ config: Config; onLegacyOnly: (isDowngrade: boolean) => void }>;

/**
 * Both providers' sources. All keys are parsed here, once.
 *
 * @throws StartupError configuration_invalid for a key that cannot be read
 */
export function createWebhookSources({ config, onLegacyOnly }: SourceOptions): WebhookSource[] {
  const secrets = config.COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET;
  const rsaKeys = config.COUNTERFOIL_ZEROHASH_WEBHOOK_PUBLIC_KEY;
  const ecdsaKeys = config.COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY;
  const rejectStale = config.COUNTERFOIL_REJECT_STALE;
  const unsigned = config.COUNTERFOIL_ALLOW_UNSIGNED ? acceptUnsigned : null;
  const verifyZeroHash =
    secrets.length + rsaKeys.length === 0
      ? unsigned
      : createZeroHashVerifier({ secrets, publicKeys: rsaKeys, rejectStale, onLegacyOnly });
  return [
    {
      provider: "zerohash",
      path: "/webhooks/zerohash",
      verify: verifyZeroHash,
      payloadType: (headers) => headerText(headers, "x-zh-hook-payload-type") ?? "",
      notificationId: (headers) => headerText(headers, "x-zh-hook-notification-id") ?? null,
    },
    {
      provider: "layer1",
      path: "/webhooks/layer1",
      verify: ecdsaKeys.length === 0 ? unsigned : createLayer1Verifier(ecdsaKeys),
      payloadType: (_headers, body) => layer1Event(body),
      notificationId: () => null,
    },
  ];
}

const acceptUnsigned: VerifySignature = async () => ({
  ok: true,
  verdict: { signature: "unsigned" },
});

/** The names in use are like `layer1:crypto:deposit:status-change`. */
const EVENT_NAME = /^[\w:.-]{1,200}$/;

/**
 * The event that a Layer1 body names, "" where it names none. A function of the body alone, for it
 * is part of the delivery's identity; what the body means is for the translation to say.
 */
function layer1Event(body: Uint8Array): string {
  try {
    const { event, eventType } = Object(JSON.parse(UTF8.decode(body)));
    const name = event ?? eventType;
    return typeof name === "string" && EVENT_NAME.test(name) ? name : "";
  } catch {
    return "";
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
