import { TopicsUnavailable } from "@counterfoil/processing/ports/topic-errors";
import { causesOf, type Failure } from "./kafka-error.ts";

/** Node's error codes for a certificate that comes from no authority it knows. */
const UNKNOWN_AUTHORITY = new Set<unknown>([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_SIGNATURE_FAILURE",
]);

/** Runs something that needs brokers. @throws TopicsUnavailable that says what to look at. */
export async function withAdvice<T>(
  brokers: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TopicsUnavailable)) throw error;
    const advice = adviceOn(causesOf(error), brokers);
    throw new TopicsUnavailable(`${error.message}: ${advice}`, { cause: error.cause });
  }
}

/** @param chain the failure and its causes. */
function adviceOn(chain: readonly Failure[], brokers: readonly string[]): string {
  if (chain.some(isAboutLogin)) {
    return "check COUNTERFOIL_KAFKA_USERNAME, COUNTERFOIL_KAFKA_PASSWORD and COUNTERFOIL_KAFKA_SASL";
  }
  if (chain.some(({ code }) => UNKNOWN_AUTHORITY.has(code))) {
    return "the brokers' certificates come from an authority that is not known here, set COUNTERFOIL_KAFKA_CA_FILE to its certificate";
  }
  if (chain.some(({ code }) => code === "ERR_TLS_CERT_ALTNAME_INVALID")) {
    return "let COUNTERFOIL_KAFKA_BROKERS and the brokers' advertised.listeners name them as their certificates do";
  }
  const elsewhere = chain.find(({ broker }) => isAddress(broker) && !brokers.includes(broker));
  if (elsewhere !== undefined) {
    return `COUNTERFOIL_KAFKA_BROKERS (${brokers.join(", ")}) sends clients on to ${elsewhere.broker}, and that is where it failed: check that this broker runs, and advertised.listeners there; it is tried again`;
  }
  return "check COUNTERFOIL_KAFKA_BROKERS, the login and TLS there, and that the broker runs; it is tried again";
}

const isAboutLogin = ({ name, type }: Failure): boolean =>
  name === "KafkaJSSASLAuthenticationError" || type === "UNSUPPORTED_SASL_MECHANISM";

const isAddress = (broker: unknown): broker is string =>
  typeof broker === "string" && broker.includes(":");
