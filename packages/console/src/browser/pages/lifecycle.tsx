import type { PageProps } from "../page.ts";
import { useTitle } from "../page.ts";

function LifecyclePage({ parameters: { id = "" } }: PageProps) {
  useTitle(id);
  return <h1>{id}</h1>;
}
export const WithdrawalPage = LifecyclePage;
export const DepositPage = LifecyclePage;
export const TradePage = LifecyclePage;
