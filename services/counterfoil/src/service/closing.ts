export type Closing = Readonly<{
  /** To be called when the step that it undoes has been taken. */
  add: (step: () => Promise<void>) => void;
  close: () => Promise<void>;
}>;

/** What was opened, to be closed in the opposite order, whether the start succeeded or not. */
export function createClosing(): Closing {
  const steps: (() => Promise<void>)[] = [];
  return {
    add(step) {
      steps.push(step);
    },
    /** One that fails does not keep the others open. */
    async close() {
      const errors: unknown[] = [];
      for (const step of steps.splice(0).reverse()) {
        await step().catch((error: unknown) => errors.push(error));
      }
      if (errors.length > 0) throw errors[0];
    },
  };
}

/** Runs a start; what it opened before it failed is closed. */
export async function startOrClose<T>(
  start: (closing: Closing) => Promise<T>,
): Promise<T & Readonly<{ stop: () => Promise<void> }>> {
  const closing = createClosing();
  try {
    return { ...(await start(closing)), stop: closing.close };
  } catch (error) {
    await closing.close().catch(() => undefined);
    throw error;
  }
}
