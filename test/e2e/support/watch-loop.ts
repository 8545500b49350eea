import { isMainThread } from "node:worker_threads";

/**
 * Loaded into a service before it starts: how much of a processor its event loop takes in one turn,
 * which tells what holds up its answers however busy the machine is. A signal asks for the longest.
 */
const EVERY_MS = 1;

if (isMainThread) {
  const used = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let turns: number[] = [];
  let last = used();
  setInterval(() => {
    const now = used();
    turns.push(now - last);
    last = now;
  }, EVERY_MS).unref();
  process.on("SIGUSR2", () => {
    const sorted = turns.toSorted((a, b) => b - a);
    turns = [];
    const longest = sorted.slice(0, 10).map(Math.round);
    process.stdout.write(
      `${JSON.stringify({ msg: "event loop", turns: sorted.length, longest })}\n`,
    );
  });
}
