import type { ModelName } from "@counterfoil/contracts/fact";

/** Held by the projector of the model's live generation. */
export const projectorLock = (model: ModelName): string => `projector-${model}`;

/** Allows one process at a time to do a job. A lock is released when its holder dies in any way. */
export interface RoleLocks {
  /** Waits until the lock is free; null when the signal aborts first. */
  acquire(name: string, signal: AbortSignal): Promise<HeldLock | null>;
  /** null if another process holds it. */
  tryAcquire(name: string): Promise<HeldLock | null>;
}

export interface HeldLock {
  /** Aborts when the lock was lost (a connection died): the holder must stop at once. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}
