/** Pauses between retries: twice as long each time, up to half a second. */
export function createBackoff(firstMs: number): () => Promise<void> {
  let ms = firstMs;
  return async () => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    ms = Math.min(2 * ms, 500);
  };
}
