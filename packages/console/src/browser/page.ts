import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import type { Parameters } from "../addresses.ts";

export type PageProps = Readonly<{ parameters: Parameters }>;
export type Page = ComponentType<PageProps>;

/** Names the page in the browser's tab and history. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Counterfoil`;
  }, [title]);
}
