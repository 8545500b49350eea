import type { ReadReq } from "@eventstore/db-client/generated/streams_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import type { Node } from "./node-state.ts";
import { eventMessage, nameOf, type ReadCall, send } from "./read-message.ts";
import { deleted } from "./status-error.ts";
import type { Stored, Visible } from "./stored-streams.ts";

/** Follows a stream, from behind the revision that the client names, until it hangs up. */
export async function serveSubscription(
  node: Node,
  call: ReadCall,
  options: ReadReq.Options,
): Promise<void> {
  const stream = options.getStream() as ReadReq.Options.StreamOptions;
  const name = nameOf(stream);
  let next = firstOf(node, stream);
  let isBehind = true;
  let wake = () => {};
  const stop = node.streams.onChange(() => wake());
  for (const event of ["cancelled", "error", "close"]) call.on(event, () => wake());

  const confirmation = new streams.ReadResp.SubscriptionConfirmation();
  confirmation.setSubscriptionId(crypto.randomUUID());
  await send(call, new streams.ReadResp().setConfirmation(confirmation));
  while (!call.cancelled && !call.destroyed) {
    const changed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const visible = node.streams.read(name, node.settings.laggingEvents);
    if (visible.is === "deleted") {
      await send(call, eventMessage(name, DELETED_EVENT, LAST_REVISION));
      call.emit("error", deleted(name));
      break;
    }
    const news = visible.is === "found" ? newsOf(visible, next) : [];
    for (const event of news) if (!(await send(call, eventMessage(name, event)))) break;
    next = Math.max(next, (news.at(-1)?.revision ?? -1) + 1);
    if (isBehind || news.length > 0) await sendCaughtUp(node, call);
    isBehind = false;
    await changed;
  }
  stop();
}

const newsOf = ({ events, first, last }: Extract<Visible, { is: "found" }>, next: number) =>
  events.slice(Math.max(first, next), last + 1);

function firstOf(node: Node, stream: ReadReq.Options.StreamOptions): number {
  if (stream.hasRevision()) return Number(stream.getRevision()) + 1;
  if (stream.hasStart()) return 0;
  const visible = node.streams.read(nameOf(stream), node.settings.laggingEvents);
  return visible.is === "found" ? visible.last + 1 : 0;
}

async function sendCaughtUp({ settings }: Node, call: ReadCall): Promise<void> {
  if (!settings.caughtUp) return;
  await send(call, new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()));
}

const LAST_REVISION = "9223372036854775807";

const DELETED_EVENT: Stored = {
  id: "00000000-0000-4000-8000-000000000000",
  type: "$streamDeleted",
  contentType: "application/octet-stream",
  metadata: new Uint8Array(),
  data: new Uint8Array(),
  revision: 0,
  createdMs: 0,
  position: 0,
};
