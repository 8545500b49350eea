import { useState } from "preact/hooks";
import { type Failure, failureOf } from "../resource.ts";
import { Refused } from "./states.tsx";

type ConfirmButtonProps = Readonly<{
  action: string;
  /** What is asked before it is done. */
  question: string;
  /** Rejects where the service refuses. */
  act: () => Promise<void>;
}>;

/** A button that asks once more before it does what it says. */
export function ConfirmButton({ action, question, act }: ConfirmButtonProps) {
  const [state, setState] = useState<"idle" | "asking" | "busy" | Failure>("idle");
  const confirm = async () => {
    setState("busy");
    try {
      await act();
      setState("idle");
    } catch (error) {
      setState(failureOf(error));
    }
  };
  if (state === "asking") {
    return (
      <div class="notice warn" role="alertdialog" aria-label={action}>
        <p>{question}</p>
        <p class="actions">
          <button type="button" class="primary" onClick={() => void confirm()}>
            Yes, {action.toLowerCase()}
          </button>
          <button type="button" onClick={() => setState("idle")}>
            No
          </button>
        </p>
      </div>
    );
  }
  return (
    <>
      <button type="button" disabled={state === "busy"} onClick={() => setState("asking")}>
        {action}
      </button>
      {typeof state === "object" && <Refused action={action} failure={state} />}
    </>
  );
}
