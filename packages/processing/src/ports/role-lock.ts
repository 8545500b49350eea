import type { ModelName } from "@counterfoil/contracts/fact";

/** Held by who projects the model's live generation. */
export const projectorLock = (model: ModelName): string => `projector-${model}`;

/** Lets one process at a time do a job; free again when its holder dies, however it dies. */
export interface RoleLocks {
  /** Waits until the lock is free; null when the signal aborts first. */
  acquire(name: string, signal: AbortSignal): Promise<HeldLock | null>;
  /** null where another holds it. */
  tryAcquire(name: string): Promise<HeldLock | null>;
}

export interface HeldLock {
  /** Aborts when the lock was lost (a connection died): the holder must stop at once. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}
