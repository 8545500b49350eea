import type { ProjectorEvent } from "@counterfoil/projector/projector-event";

type Commit = Extract<ProjectorEvent, { kind: "commit" }>;

/** Often enough for metrics, seldom enough to cost the main thread nothing. */
const SEND_EVERY_MS = 100;

/** Sums up the commits of one model before they are sent to another thread. */
export function collectCommits(send: (event: ProjectorEvent) => void) {
  let collected: Commit | null = null;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (collected !== null) send(collected);
    collected = null;
  }

  return {
    report(event: ProjectorEvent): void {
      if (event.kind === "state") {
        flush();
        send(event);
        return;
      }
      collected = {
        ...event,
        commits: event.commits + (collected?.commits ?? 0),
        events: event.events + (collected?.events ?? 0),
      };
      timer ??= setTimeout(flush, SEND_EVERY_MS);
    },
    flush,
  };
}
