import type { ExplainedDelivery, Explanation } from "@counterfoil/contracts/provenance";

/** An explanation as a tree: what is shown, its facts, and under each the deliveries that stated it. */
export function renderExplanation(explanation: Explanation): string {
  const { kind, id, position, shown, facts, arithmetic, deliveries, next_cursor } = explanation;
  const byId = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  const tree = facts.flatMap((fact, at) => {
    const isLast = at === facts.length - 1;
    const stated = fact.delivery_ids.flatMap((delivery) => byId.get(delivery) ?? []);
    const below = isLast ? "   " : "│  ";
    return [
      `${isLast ? "└─" : "├─"} ${fact.role}: ${fact.sentence}`,
      `${below} ${fact.type} at ${fact.position}, ${fact.event_id}`,
      ...stated.map((delivery, index) => {
        const branch = index === stated.length - 1 ? "└─" : "├─";
        return `${below} ${branch} ${deliveryLine(delivery)}`;
      }),
    ];
  });
  const lines = arithmetic.map(({ line }) => `   ${line}`);
  return [
    `${kind} ${id}, by the facts up to position ${position}`,
    ...shownLines(shown),
    ...(tree.length === 0 ? ["no fact is kept of it"] : tree),
    ...(lines.length === 0 ? [] : ["arithmetic, the newest first:", ...lines]),
    ...(next_cursor === null ? [] : [`older facts: --cursor ${next_cursor}`]),
  ].join("\n");
}

/** What is one value, in one line each; lists and parts are in the JSON. */
function shownLines(shown: Explanation["shown"]): string[] {
  if (shown === null) return ["   nothing is shown of it"];
  return Object.entries(shown)
    .filter(([name, value]) => name !== "id" && value !== null && typeof value !== "object")
    .map(([name, value]) => `   ${name.replaceAll("_", " ")}: ${value}`);
}

const SIGNATURES: Readonly<Record<ExplainedDelivery["signature"], string>> = {
  valid: "signature valid",
  stale: "signature valid, its time too far from ours",
  unsigned: "not signed",
  none: "a channel without signatures",
};

function deliveryLine(delivery: ExplainedDelivery): string {
  const { id, channel, payload_type, connection, frame, received_at } = delivery;
  const place = connection === null ? payload_type : `${connection}, frame ${frame}`;
  const { signature, scheme, key_id, body_sha256 } = delivery;
  const checked = [scheme, key_id && `key ${key_id.slice(0, 16)}`].filter(Boolean).join(", ");
  const verdict = `${SIGNATURES[signature]}${checked === "" ? "" : ` (${checked})`}`;
  const bytes =
    body_sha256 === null ? "its bytes name others" : `bytes ${body_sha256}${goneWords(delivery)}`;
  return `delivery ${id} over the ${channel} (${place}) at ${received_at}: ${verdict}, ${bytes}`;
}

function goneWords({ body, erased }: ExplainedDelivery): string {
  if (erased === null) return body === "gone" ? ", which are gone" : "";
  const { actor, erased_at, note } = erased;
  return `, which ${actor} erased at ${erased_at}: ${note}`;
}
