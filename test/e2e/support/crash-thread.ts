import type { RunningProcess } from "./counterfoil.ts";

/** For a process whose threads shall be crashed: lets this test in, on a free loopback port. */
export const LETS_IN = { NODE_OPTIONS: "--inspect=127.0.0.1:0" };

type Message = Readonly<{
  id?: number;
  method?: string;
  params?: Readonly<{ sessionId: string; workerInfo: Readonly<{ title: string }> }>;
}>;

/** Ends a worker thread of a process from inside, as an exception that nobody catches does. */
export async function crashThread(role: RunningProcess, name: string): Promise<void> {
  const [url] = /ws:\/\/127\.0\.0\.1:\S+/.exec(role.log()) ?? [];
  if (url === undefined) throw new Error(`no debugger is listening:\n${role.log()}`);
  const socket = new WebSocket(url);
  const ended = new Promise<void>((resolve, reject) => {
    const send = (message: object) => socket.send(JSON.stringify(message));
    socket.onerror = () => reject(new Error(`cannot reach the debugger at ${url}`));
    socket.onopen = () =>
      send({ id: 1, method: "NodeWorker.enable", params: { waitForDebuggerOnStart: false } });
    socket.onmessage = ({ data }) => {
      const { method, params } = JSON.parse(String(data)) as Message;
      if (method === "NodeWorker.detachedFromWorker") resolve();
      if (method !== "NodeWorker.attachedToWorker" || params === undefined) return;
      if (!params.workerInfo.title.includes(name)) return;
      const { sessionId } = params;
      const expression = `setImmediate(() => { throw new Error("crashed by the test"); })`;
      const message = JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression } });
      send({ id: 2, method: "NodeWorker.sendMessageToWorker", params: { sessionId, message } });
    };
  });
  try {
    await ended;
  } finally {
    socket.close();
  }
}
