import type { Connection } from "@counterfoil/core/feed-lines";
import type { ModelStore } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import type { Listings } from "./listings.ts";

/** What the accounts of one generation are folded with. */
export type AccountsContext = Readonly<{
  store: ModelStore;
  buffer: RowBuffer;
  connections: ReadonlyMap<string, Connection>;
  listings: Listings;
}>;
