import { type LogEntry, logLevel } from "kafkajs";
import type { Logger } from "pino";

/** What of the client's log lines is kept; others may hold what was sent. */
const KEPT = ["broker", "clientId", "error", "retryCount", "retryTime", "groupId", "topic"];

/**
 * The client's log lines as ours. What it calls an error it mostly tries again by itself, and what
 * it does not is thrown, so none of its lines is more than a warning.
 */
export function kafkaLog(logger: Logger): (entry: LogEntry) => void {
  return ({ level, namespace, log }) => {
    const kept = Object.fromEntries(
      KEPT.filter((name) => name in log).map((name) => [name, log[name]]),
    );
    const fields = { client: namespace, ...kept };
    if (level === logLevel.ERROR || level === logLevel.WARN) logger.warn(fields, log.message);
    else logger.debug(fields, log.message);
  };
}
