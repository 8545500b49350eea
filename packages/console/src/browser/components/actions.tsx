import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Failure, failureOf } from "../resource.tsx";

type ConfirmButtonProps = Readonly<{
  action: string;
  /** The question of the confirmation. */
  question: string;
  /** Whether it is being done already. */
  isBusy?: boolean;
  /** Rejects if the service refuses. */
  act: () => Promise<void>;
}>;

/** A button that asks for confirmation. */
export function ConfirmButton({ action, question, isBusy = false, act }: ConfirmButtonProps) {
  const [state, setState] = useState<"idle" | "asking" | "busy" | Failure>("idle");
  const { opener, dialog } = useFocus<HTMLDivElement>(state === "asking");
  const id = useId();
  const isDisabled = isBusy || state === "busy";
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
      <div
        class="notice warn"
        role="alertdialog"
        aria-label={action}
        aria-describedby={id}
        tabIndex={-1}
        ref={dialog}
        onKeyDown={({ key }) => key === "Escape" && setState("idle")}
      >
        <p id={id}>{question}</p>
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
      <button
        type="button"
        ref={opener}
        // `disabled` would take the focus away.
        aria-disabled={isDisabled}
        onClick={() => !isDisabled && setState("asking")}
      >
        {action}
      </button>
      {typeof state === "object" && <Refused action={action} failure={state} />}
    </>
  );
}

/** Moves the focus into what a button has opened, and back to the button when it is closed. */
function useFocus<Opened extends HTMLElement>(isOpen: boolean) {
  const opener = useRef<HTMLButtonElement>(null);
  const dialog = useRef<Opened>(null);
  const wasOpen = useRef(isOpen);
  useLayoutEffect(() => {
    if (wasOpen.current === isOpen) return;
    wasOpen.current = isOpen;
    (isOpen ? dialog : opener).current?.focus();
  }, [isOpen]);
  return { opener, dialog };
}

/** Notes that are being written: they outlive their form, whose row may go to another page of its list. */
const drafts = new Map<string, string>();

type NoteFormProps = Readonly<{
  /** What the note is about. */
  id: string;
  /** The button's label. */
  action: string;
  /** The field's label: what the note is for. */
  label: string;
  /** Rejects if the service refuses. */
  act: (note: string) => Promise<void>;
}>;

/** A button that asks for a note; the action and the note are recorded on the stream. */
export function NoteForm({ id, action, label, act }: NoteFormProps) {
  const draft = `${action} ${id}`;
  const [isOpen, setOpen] = useState(drafts.has(draft));
  const [state, setState] = useState<"idle" | "busy" | Failure>("idle");
  const { opener, dialog: field } = useFocus<HTMLInputElement>(isOpen);
  const close = () => {
    drafts.delete(draft);
    setOpen(false);
    setState("idle");
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    const note = field.current?.value.trim() ?? "";
    if (note === "") return field.current?.focus();
    setState("busy");
    try {
      await act(note);
      close();
    } catch (error) {
      setState(failureOf(error));
    }
  };
  if (!isOpen) {
    return (
      <button type="button" ref={opener} onClick={() => setOpen(true)}>
        {action}
      </button>
    );
  }
  return (
    <form
      class="note"
      onSubmit={(event) => void submit(event)}
      onKeyDown={({ key }) => key === "Escape" && close()}
    >
      <label>
        <span>{label}</span>
        <input
          ref={field}
          name="note"
          maxLength={1_000}
          autocomplete="off"
          defaultValue={drafts.get(draft) ?? ""}
          onInput={({ currentTarget }) => drafts.set(draft, currentTarget.value)}
        />
      </label>
      <button type="submit" class="primary" disabled={state === "busy"}>
        {action}
      </button>
      <button type="button" onClick={close}>
        Cancel
      </button>
      {typeof state === "object" && <Refused action={action} failure={state} />}
    </form>
  );
}

/** Says that an operator's key is needed, and how to create one. */
function NeedsOperator({ what }: Readonly<{ what: string }>) {
  return (
    <div class="notice quiet" role="status">
      <p>{what}, you need an operator's key. Create one where the service runs:</p>
      <pre>counterfoil keys create --role operator --name you</pre>
      <p>The key is shown once. Enter it with “Key” at the bottom of this page.</p>
    </div>
  );
}

const KEY_REQUIRED: ReadonlySet<string> = new Set(["unauthenticated", "wrong_role"]);

/** Why an action was refused; if a key is missing, how to create one. */
function Refused({ action, failure }: Readonly<{ action: string; failure: Failure }>) {
  return KEY_REQUIRED.has(failure.code) ? (
    <NeedsOperator what={`To ${action.toLowerCase()}`} />
  ) : (
    <p class="notice bad" role="alert">
      {failure.text}
    </p>
  );
}

/** Copies a text to the clipboard. */
export function CopyButton({ text, children }: Readonly<{ text: string; children: string }>) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <button type="button" onClick={() => void copy()}>
      {isCopied ? "Copied" : children}
    </button>
  );
}
