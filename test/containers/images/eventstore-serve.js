import { connect, createServer } from "node:net";
import { startEventStoreDouble } from "./eventstore-double.ts";

/** The double listens on loopback; this hands on what comes from other containers. */
const double = await startEventStoreDouble();
const server = createServer((socket) => {
  const behind = connect(double.port, "127.0.0.1");
  socket.on("error", () => behind.destroy());
  behind.on("error", () => socket.destroy());
  socket.pipe(behind).pipe(socket);
});
server.listen(2113, "0.0.0.0");
for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => process.exit(0));
