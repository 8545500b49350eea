import { parentPort, workerData } from "node:worker_threads";
import { emptyHead } from "@counterfoil/core/stream/chain";
import { nodeHashing } from "../node/hashing.ts";
import { STREAM_FILE } from "./engine-error.ts";
import { unpackAppend } from "./packed-append.ts";
import { createReconnectingConnection } from "./reconnecting-connection.ts";
import { openStreamConnection } from "./stream-connection.ts";
import type { Answer, Question, StreamThreadData } from "./stream-thread-message.ts";
import { createStreamWriter } from "./stream-writer.ts";
import { packError } from "./thread-error.ts";

/** The other end of `openStreamThread`: looks up and appends, one question after the other. */
const { file, ledger } = workerData as StreamThreadData;
const empty = emptyHead(ledger, nodeHashing);
const connection = createReconnectingConnection({
  file,
  kind: STREAM_FILE,
  mode: "write",
  open: (mode) => openStreamConnection({ file, ledger, mode, empty }),
});
const writer = createStreamWriter(connection, nodeHashing);
const answer = (message: Answer) => parentPort?.postMessage(message);

parentPort?.on("message", async ({ call, ask }: Question) => {
  if (ask.what === "close") {
    connection.close();
    parentPort?.close();
    return;
  }
  try {
    const result =
      ask.what === "findByIds"
        ? await writer.findByIds(ask.ids)
        : await writer.append(unpackAppend(ask.append));
    answer({ call, result });
  } catch (error) {
    answer({ call, error: packError(error) });
  }
});
