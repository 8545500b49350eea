/** How a provider tries again: the pauses between attempts, and what it counts as received. */
export type RetryPolicy = Readonly<{
  /** One pause before each further attempt; no more attempts than pauses plus one. */
  delaysMs: readonly number[];
  isReceived: (status: number) => boolean;
}>;

const LAYER1_ATTEMPTS_MAX = 100;
const LAYER1_DELAY_MS_MAX = 15 * 60 * 1_000;

/** Up to 4 retries 250 ms apart, then 3 with exponential backoff, then the webhook is dropped. */
export const ZEROHASH_RETRIES: RetryPolicy = {
  delaysMs: [250, 250, 250, 250, 1_000, 2_000, 4_000],
  isReceived: (status) => status >= 200 && status < 300,
};

/** A growing delay, capped at 15 minutes, up to 100 attempts; only 200 will do. */
export const LAYER1_RETRIES: RetryPolicy = {
  delaysMs: Array.from({ length: LAYER1_ATTEMPTS_MAX - 1 }, (_, retry) =>
    Math.min(1_000 * 2 ** retry, LAYER1_DELAY_MS_MAX),
  ),
  isReceived: (status) => status === 200,
};

export const NO_RETRIES: RetryPolicy = {
  delaysMs: [],
  isReceived: ZEROHASH_RETRIES.isReceived,
};
