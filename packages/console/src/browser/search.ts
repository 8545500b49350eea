import { askPath } from "./session.ts";

/** Something that has the identifier; `matched` says which of its own that is. */
export type SearchResult = Readonly<{
  kind: string;
  id: string;
  title: string;
  matched: string;
  path: string;
}>;

/** What has this identifier, the likeliest first. */
export async function search(text: string, signal: AbortSignal): Promise<readonly SearchResult[]> {
  const path = `/v1/search?q=${encodeURIComponent(text)}`;
  const { data } = await askPath<{ data: readonly SearchResult[] }>(path, signal);
  return data;
}
