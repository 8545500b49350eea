import { askPath } from "./session.ts";

/** Something that has the identifier; `matched` names the field of it that is alike. */
export type SearchResult = Readonly<{
  kind: string;
  id: string;
  title: string;
  matched: string;
  path: string;
}>;

/** Which of its identifiers it was found by, in words. */
export const matchedText = ({ matched }: SearchResult): string => matched.replaceAll("_", " ");

/** What has this identifier, the likeliest first. */
export async function search(text: string, signal: AbortSignal): Promise<readonly SearchResult[]> {
  const path = `/v1/search?q=${encodeURIComponent(text)}`;
  const { data } = await askPath<{ data: readonly SearchResult[] }>(path, signal);
  return data;
}
