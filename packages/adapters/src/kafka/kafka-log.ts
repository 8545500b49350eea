import { type LogEntry, logLevel } from "kafkajs";
import type { Logger } from "pino";

/** What of the client's log lines is kept; others may hold what was sent. */
const KEPT = ["broker", "clientId", "error", "retryCount", "retryTime", "groupId", "topic"];

/** What is thrown to nobody and does not pass by itself. */
const TELLING = ["Offset out of range", "Failed to execute listener"];

/**
 * The client's log lines as ours. Of what it tries again by itself, it says something at every try
 * and for every broker, and what it gives up on is thrown and logged by whoever asked; so all but
 * a few of its lines are for those who look for details.
 */
export function kafkaLog(logger: Logger): (entry: LogEntry) => void {
  return ({ level, namespace, log }) => {
    const kept = Object.fromEntries(
      KEPT.filter((name) => name in log).map((name) => [name, log[name]]),
    );
    const fields = { client: namespace, ...kept };
    const isTelling = TELLING.some((words) => log.message.startsWith(words));
    if (level === logLevel.ERROR && isTelling) logger.warn(fields, log.message);
    else logger.debug(fields, log.message);
  };
}
