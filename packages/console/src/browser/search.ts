import type { AnswerOf } from "@counterfoil/client";
import { api } from "./session.ts";

/** Something that has the identifier; `matched` names the field of it that is alike. */
export type SearchResult = AnswerOf<"search">["data"][number];

/** Which of its identifiers it was found by, in words. */
export const matchedText = ({ matched }: SearchResult): string => matched.replaceAll("_", " ");

/** What has this identifier, the likeliest first. */
export async function search(q: string, signal: AbortSignal): Promise<readonly SearchResult[]> {
  const { data } = await api.value.search({ q }, { signal });
  return data;
}
