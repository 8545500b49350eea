import type { PageProps } from "../page.ts";
import { useTitle } from "../page.ts";

export function AccountPage({ parameters: { id = "" } }: PageProps) {
  useTitle(id);
  return <h1>{id}</h1>;
}
