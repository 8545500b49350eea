import { useId, useState } from "preact/hooks";
import { refreshStatus } from "../live.ts";
import { goOnReading, isKeyOptional, locked, logIn } from "../session.ts";

/** One field for the key. It is no password that a browser should keep, so none is offered to it. */
export function Login() {
  const [refusal, setRefusal] = useState<string | null>(null);
  const [isAsking, setAsking] = useState(false);
  const id = useId();
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    setAsking(true);
    setRefusal(await logIn(String(new FormData(form).get("key") ?? "")));
    setAsking(false);
    await refreshStatus();
  };
  return (
    <main class="login" id="main">
      <form onSubmit={submit} autocomplete="off">
        <h1>Counterfoil</h1>
        <p class="quiet">{locked.value}</p>
        <label for={id}>API key</label>
        <input
          id={id}
          name="key"
          type="password"
          autocomplete="off"
          spellcheck={false}
          placeholder="cf_…"
          required
          autofocus
          aria-describedby={`${id}-why`}
        />
        {refusal !== null && (
          <p class="notice bad" role="alert">
            {refusal}
          </p>
        )}
        <button type="submit" class="primary" disabled={isAsking}>
          {isAsking ? "Asking…" : "Open the ledger"}
        </button>
        {isKeyOptional.value && (
          <button type="button" onClick={goOnReading}>
            Go on reading without a key
          </button>
        )}
        <div id={`${id}-why`} class="quiet">
          <p>
            The key stays in the memory of this page: a reload asks for it again. One is made by
          </p>
          <pre>counterfoil keys create --role reader</pre>
        </div>
      </form>
    </main>
  );
}
