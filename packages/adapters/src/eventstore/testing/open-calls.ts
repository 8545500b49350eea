import type { Node } from "./node-state.ts";

/** A call that is counted as open. */
export type Entered = Readonly<{
  /** Resolves when the connection has room for it, at once below 100 open calls. */
  admitted: Promise<void>;
  /** To be called at its end. */
  leave: () => void;
}>;

/** As the framework of the server has it, per connection. */
const OPEN_CALLS_MAX = 100;

export function enterCall(node: Node, method: string, peer: string): Entered {
  const { calls, connections, seen } = node;
  seen.add(method);
  calls.set(method, (calls.get(method) ?? 0) + 1);
  const queue = connections.get(peer) ?? [];
  connections.set(peer, queue);
  const { promise, resolve } = Promise.withResolvers<void>();
  queue.push(resolve);
  const admitFirst = () => {
    for (const admit of queue.slice(0, OPEN_CALLS_MAX)) admit();
  };
  admitFirst();
  const leave = () => {
    const at = queue.indexOf(resolve);
    if (at < 0) return;
    queue.splice(at, 1);
    calls.set(method, (calls.get(method) ?? 0) - 1);
    admitFirst();
  };
  return { admitted: promise, leave };
}
