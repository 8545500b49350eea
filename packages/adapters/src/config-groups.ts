/** Variables that mean something only together: where `one` is set, so must be all of `needs`. */
type Group = Readonly<{ what: string; anyOf: readonly string[]; needs: readonly string[] }>;

const FEED = [
  "COUNTERFOIL_ZEROHASH_FEED_URL",
  "COUNTERFOIL_ZEROHASH_FEED_KEY",
  "COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE",
  "COUNTERFOIL_ZEROHASH_FEED_SECRET",
];

const KAFKA_LOGIN = ["COUNTERFOIL_KAFKA_USERNAME", "COUNTERFOIL_KAFKA_PASSWORD"];

const GROUPS: readonly Group[] = [
  {
    what: "the event store",
    anyOf: ["COUNTERFOIL_EVENTSTORE_URL"],
    needs: ["COUNTERFOIL_POSTGRES_URL"],
  },
  {
    what: "Kafka",
    anyOf: ["COUNTERFOIL_KAFKA_TOPIC_PREFIX", "COUNTERFOIL_KAFKA_TLS", ...KAFKA_LOGIN],
    needs: ["COUNTERFOIL_KAFKA_BROKERS"],
  },
  {
    what: "TLS with Kafka",
    anyOf: ["COUNTERFOIL_KAFKA_CA_FILE"],
    needs: ["COUNTERFOIL_KAFKA_BROKERS", "COUNTERFOIL_KAFKA_TLS"],
  },
  {
    what: "the login to Kafka",
    anyOf: [...KAFKA_LOGIN, "COUNTERFOIL_KAFKA_SASL"],
    needs: KAFKA_LOGIN,
  },
  {
    what: "the Balances Feed",
    anyOf: [...FEED, "COUNTERFOIL_ZEROHASH_FEED_SIGNED_TEXT"],
    needs: FEED,
  },
  {
    what: "the listener for webhooks alone",
    anyOf: ["COUNTERFOIL_WEBHOOK_HOST"],
    needs: ["COUNTERFOIL_WEBHOOK_PORT"],
  },
];

/** What is set by half: never completed by a guess, since the guess would look like a decision. */
export function halfSetGroups(given: Readonly<Record<string, string>>): readonly string[] {
  return GROUPS.flatMap(({ what, anyOf, needs }) => {
    const set = anyOf.filter((name) => name in given);
    const missing = needs.filter((name) => !(name in given));
    if (set.length === 0 || missing.length === 0) return [];
    return [`${what} is configured by half: ${set.join(", ")} set, ${missing.join(", ")} missing`];
  });
}
