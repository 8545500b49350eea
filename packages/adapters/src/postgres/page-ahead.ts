import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";

type Page = Readonly<{ after: number; limit: number }>;
type Read = (page: Page) => Promise<readonly RecordedEvent[]>;

/** Smaller pages are not worth a question that may be in vain. */
const LIMIT_MIN = 1_000;

/**
 * Reads the next page while the caller works on the last one, where it goes through the stream page
 * by page. Only a full page is ever handed out from ahead: one that was cut short by the head may
 * have grown since.
 */
export function createPageAhead(read: Read): Read {
  let ahead: (Page & Readonly<{ events: Promise<readonly RecordedEvent[]> }>) | null = null;
  let lastEnd = -1;

  async function fromAhead({ after, limit }: Page): Promise<readonly RecordedEvent[] | null> {
    const found = ahead;
    ahead = null;
    if (found?.after !== after || found.limit !== limit) return null;
    // What failed ahead of time is asked again, and fails in time.
    const events = await found.events.catch(() => null);
    return events?.length === limit ? events : null;
  }

  return async (page) => {
    const isNext = page.after === lastEnd;
    const events = (await fromAhead(page)) ?? (await read(page));
    lastEnd = page.after + page.limit;
    if (isNext && page.limit >= LIMIT_MIN && events.length === page.limit) {
      const next = { after: lastEnd, limit: page.limit };
      const reading = read(next);
      reading.catch(() => undefined);
      ahead = { ...next, events: reading };
    }
    return events;
  };
}
