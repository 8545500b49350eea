import { type LogEntry, logLevel } from "kafkajs";
import type { Logger } from "pino";

/** Fields of the client's log lines that are kept; others may hold what was sent. */
const KEPT = ["broker", "clientId", "error", "retryCount", "retryTime", "groupId", "topic"];

/** Errors that the client neither throws nor recovers from. */
const SERIOUS = ["Offset out of range", "Failed to execute listener"];

/**
 * Writes the client's log lines to our log. The client logs every retry of every broker, and what it
 * gives up on is thrown and logged by the caller; so all but a few lines are logged at debug.
 */
export function kafkaLog(logger: Logger): (entry: LogEntry) => void {
  return ({ level, namespace, log }) => {
    const kept = Object.fromEntries(
      KEPT.filter((name) => name in log).map((name) => [name, log[name]]),
    );
    const fields = { client: namespace, ...kept };
    const isSerious = SERIOUS.some((words) => log.message.startsWith(words));
    if (level === logLevel.ERROR && isSerious) logger.warn(fields, log.message);
    else logger.debug(fields, log.message);
  };
}
