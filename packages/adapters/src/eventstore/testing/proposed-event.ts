import type { UUID } from "@eventstore/db-client/generated/shared_pb.js";
import type { Proposed } from "./stored-streams.ts";

/** What `Append` and `BatchAppend` have in common of a proposed message. */
type Message = Readonly<{
  getId(): UUID | undefined;
  getMetadataMap(): Readonly<{ get(key: string): string | undefined }>;
  getCustomMetadata_asU8(): Uint8Array;
  getData_asU8(): Uint8Array;
}>;

export type Parsed =
  | Readonly<{ ok: true; event: Proposed }>
  | Readonly<{ ok: false; missing: string | null; details: string }>;

const UUID_SHAPE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const NIL = "00000000-0000-0000-0000-000000000000";

/** A proposed event, or why the server refuses it. */
export function parseProposed(message: Message): Parsed {
  const map = message.getMetadataMap();
  const [type, contentType] = [map.get("type"), map.get("content-type")];
  if (type === undefined) return refused("type is missing", "type");
  if (contentType === undefined) return refused("content-type is missing", "content-type");
  const id = message.getId()?.getString().toLowerCase() ?? "";
  if (!UUID_SHAPE.test(id) || id === NIL) return refused(`"${id}" is no id of an event`);
  if (type === "") return refused("the type is empty");
  const metadata = message.getCustomMetadata_asU8();
  return { ok: true, event: { id, type, contentType, metadata, data: message.getData_asU8() } };
}

const refused = (details: string, missing: string | null = null): Parsed => ({
  ok: false,
  missing,
  details,
});
