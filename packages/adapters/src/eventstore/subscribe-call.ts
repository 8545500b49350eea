import shared from "@eventstore/db-client/generated/shared_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import type { StartCall } from "./connection.ts";
import { type ReadResponse, requestOf, storedOf } from "./read-message.ts";

export type SubscriptionListener = Readonly<{
  /** From here on nothing is missed. */
  confirmed: () => void;
  appended: (revision: number) => void;
}>;

/**
 * Follows what is new on a stream, also on one that is not there yet. It never ends by itself; the
 * answer fails when the server or the connection ends it.
 */
export function subscribeCall(stream: string, listener: SubscriptionListener): StartCall<never> {
  return (client, { argumentsOf }) => {
    const { promise, reject } = Promise.withResolvers<never>();
    const request = requestOf(stream);
    request.getStream()?.setEnd(new shared.Empty());
    request.setSubscription(new streams.ReadReq.Options.SubscriptionOptions());
    const call = client.read(new streams.ReadReq().setOptions(request), ...argumentsOf());
    call.on("error", reject);
    call.on("end", () => reject(new Error("the server ended the subscription")));
    call.on("data", (response: ReadResponse) => {
      if (response.hasConfirmation()) listener.confirmed();
      const event = storedOf(response);
      if (event !== null) listener.appended(event.revision);
    });
    return { answer: promise, cancel: () => call.cancel() };
  };
}
