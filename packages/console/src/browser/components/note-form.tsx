import { useRef, useState } from "preact/hooks";
import { type Failure, failureOf } from "../resource.ts";
import { Refused } from "./states.tsx";

type NoteFormProps = Readonly<{
  /** The button: what is done. */
  action: string;
  /** Beside the field: what the note is for. */
  why: string;
  /** Rejects where the service refuses. */
  act: (note: string) => Promise<void>;
}>;

/** A button that asks for a note before anything is done; both go onto the stream. */
export function NoteForm({ action, why, act }: NoteFormProps) {
  const [isOpen, setOpen] = useState(false);
  const [state, setState] = useState<"idle" | "busy" | Failure>("idle");
  const field = useRef<HTMLInputElement>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    const note = field.current?.value.trim() ?? "";
    if (note === "") return field.current?.focus();
    setState("busy");
    try {
      await act(note);
      setOpen(false);
      setState("idle");
    } catch (error) {
      setState(failureOf(error));
    }
  };
  if (!isOpen) {
    return (
      <button type="button" onClick={() => setOpen(true)}>
        {action}
      </button>
    );
  }
  return (
    <form class="note" onSubmit={(event) => void submit(event)}>
      <label>
        <span>{why}</span>
        <input ref={field} name="note" maxLength={1_000} autocomplete="off" autofocus />
      </label>
      <button type="submit" class="primary" disabled={state === "busy"}>
        {action}
      </button>
      <button type="button" onClick={() => setOpen(false)}>
        Cancel
      </button>
      {typeof state === "object" && <Refused action={action} failure={state} />}
    </form>
  );
}
