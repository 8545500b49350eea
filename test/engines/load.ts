import { setTimeout as wait } from "node:timers/promises";
import type { OutgoingHook } from "@counterfoil/simulator/play-deliveries";
import { type Acknowledgement, postWebhook } from "../e2e/support/send.ts";

type LoadOptions = Readonly<{
  webhooks: Iterator<OutgoingHook>;
  /** Where the next one goes; null while nobody is there. */
  nextAddress: () => string | null;
  /** New ones and repeated ones together. */
  ratePerSecond: number;
}>;

/** Webhooks that are offered at a rate, whatever becomes of them, and again where they were refused. */
export type Load = Readonly<{
  /** Ids of the deliveries that were acknowledged. */
  acknowledged: ReadonlySet<string>;
  /** How often each status came; "none" where no answer did. */
  statuses: ReadonlyMap<string, number>;
  /** Resolves when so many deliveries were acknowledged. */
  whenAcknowledged: (count: number) => Promise<void>;
  /** Offers nothing new, and what was refused until it is acknowledged. */
  finish: () => Promise<void>;
}>;

/** As many may be under way; beyond, offering waits, as a provider's connections would. */
const UNDER_WAY_MAX = 256;
/** How long a provider waits for an answer. */
const PATIENCE_MS = 10_000;

export function startLoad({ webhooks, nextAddress, ratePerSecond }: LoadOptions): Load {
  const acknowledged = new Set<string>();
  const statuses = new Map<string, number>();
  const refused: OutgoingHook[] = [];
  const underWay = new Set<Promise<void>>();
  const waiters = new Set<() => void>();
  let isFinishing = false;

  async function offer(hook: OutgoingHook): Promise<void> {
    const address = nextAddress();
    const answer = address === null ? null : await ask(address, hook);
    const status = String(answer?.status ?? "none");
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (answer?.id == null) refused.push(hook);
    else acknowledged.add(answer.id);
    for (const look of waiters) look();
  }

  /** What was refused and what is new take turns, until there is nothing left of either. */
  function next(turn: number): OutgoingHook | null {
    const again = turn % 2 === 0 || isFinishing ? refused.shift() : undefined;
    if (again !== undefined || isFinishing) return again ?? null;
    const made = webhooks.next();
    return made.done ? null : made.value;
  }

  async function run(): Promise<void> {
    const startedAtMs = performance.now();
    for (let turn = 1; ; turn += 1) {
      const earlyMs = startedAtMs + (turn * 1000) / ratePerSecond - performance.now();
      if (earlyMs > 1) await wait(earlyMs);
      if (underWay.size >= UNDER_WAY_MAX) await Promise.race(underWay);
      const hook = next(turn);
      if (hook === null && isFinishing && underWay.size === 0) return;
      if (hook === null) continue;
      const sending = offer(hook).finally(() => underWay.delete(sending));
      underWay.add(sending);
    }
  }

  const running = run();
  return {
    acknowledged,
    statuses,
    whenAcknowledged: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (acknowledged.size < count) return;
          waiters.delete(look);
          resolve();
        };
        waiters.add(look);
        look();
      }),
    finish: async () => {
      isFinishing = true;
      await running;
    },
  };
}

type Answer = Readonly<{ status: number | null; id: string | null }>;

async function ask(address: string, hook: OutgoingHook): Promise<Answer> {
  try {
    const response = await postWebhook(address, hook, AbortSignal.timeout(PATIENCE_MS));
    const { status } = response;
    const body = (await response.json()) as Partial<Acknowledgement>;
    return { status, id: status === 200 ? (body.delivery_id ?? null) : null };
  } catch {
    return { status: null, id: null };
  }
}
