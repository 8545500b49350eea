import { parentPort, workerData } from "node:worker_threads";
import { emptyHead } from "@counterfoil/core/stream/chain";
import { nodeHashing } from "../node/runtime.ts";
import { STREAM } from "../sql/trouble.ts";
import { createReconnectingConnection } from "./database.ts";
import {
  packError,
  type StreamThreadData,
  type ThreadRequest,
  type ThreadResponse,
} from "./event-stream.ts";
import { appendEvents, findByIds } from "./stream-events.ts";
import { openStreamConnection } from "./stream-file.ts";

/** The worker thread of `openStreamThread`: runs `findByIds` and `append`. */
const { file, ledger } = workerData as StreamThreadData;
const empty = emptyHead(ledger, nodeHashing);
const connection = createReconnectingConnection({
  file,
  stored: STREAM,
  mode: "write",
  watchesLog: true,
  open: (mode) => openStreamConnection({ file, ledger, mode, empty }),
});
const answer = (message: ThreadResponse) => parentPort?.postMessage(message);

parentPort?.on("message", async ({ call, ask }: ThreadRequest) => {
  if (ask.what === "close") {
    connection.close();
    parentPort?.close();
    return;
  }
  try {
    const result = await connection.use((opened) =>
      ask.what === "append"
        ? appendEvents(opened, ask.append, nodeHashing)
        : findByIds(opened, ask.ids),
    );
    answer({ call, result });
  } catch (error) {
    answer({ call, error: packError(error) });
  }
});
