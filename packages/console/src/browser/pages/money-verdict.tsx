import type { Status } from "../live.ts";

type Answer = Readonly<{ tone: "good" | "warn" | "bad" | "quiet"; title: string; text: string }>;

/** The answer to the page's question, and what a person has to do about it. */
export function Verdict({ status }: Readonly<{ status: Status }>) {
  const { tone, title, text } = answerOf(status);
  return (
    <section class={`verdict ${tone}`} aria-label="The answer" aria-live="polite">
      <p class="answer">{title}</p>
      <p>{text}</p>
      {status.needs_a_person.length > 0 && (
        <ul>
          {status.needs_a_person.map((need) => (
            <li key={need.what}>
              <b>{need.what}</b> <span class="quiet minor">{withCode(need.do)}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** What stands between backticks is a command. */
const withCode = (text: string) =>
  text.split("`").map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part));

const MONEY: ReadonlySet<string> = new Set(["gap", "contradiction", "unlisted", "invariant"]);

function answerOf(status: Status): Answer {
  const { projections, anomalies, quarantined, head_hash, head } = status;
  // A platform's key is told of no counts: silence is no good news.
  if (/^0+$/.test(head_hash)) {
    return {
      tone: "quiet",
      title: "Look at your accounts.",
      text: "This key sees one platform's accounts. What is open of them stands below; how the ledger as a whole is doing is not told.",
    };
  }
  const stopped = projections.filter(({ state }) => !["live", "catching_up"].includes(state));
  if (stopped.length > 0) {
    const names = stopped.map(({ name, state }) => `${name} is ${state}`).join(", ");
    return { tone: "bad", title: "Nobody can say.", text: `${names}: what is shown may be old.` };
  }
  const wrong = anomalies.filter(({ kind, open }) => open > 0 && MONEY.has(kind));
  if (wrong.length > 0) {
    return {
      tone: "bad",
      title: "No.",
      text: `${wrong.map(({ kind, open }) => countOf(open, kind)).join(", ")} open. What is missing, and where, stands below.`,
    };
  }
  if ((quarantined?.open ?? 0) > 0) {
    const count = countOf(quarantined?.open ?? 0, "delivery");
    return { tone: "warn", title: "As far as it could be read.", text: `${count} in quarantine.` };
  }
  const others = anomalies.reduce((sum, { open }) => sum + open, 0);
  if (head === "1") {
    return { tone: "quiet", title: "Nothing has come yet.", text: "The ledger is open and waits." };
  }
  return {
    tone: "good",
    title: "Yes.",
    text:
      others === 0
        ? "Every balance follows from the one before it, and nothing contradicts another."
        : `Every balance follows from the one before it. ${countOf(others, "other matter")} open.`,
  };
}

const PLURALS: Readonly<Record<string, string>> = {
  unlisted: "unlisted",
  delivery: "deliveries",
};

const countOf = (count: number, what: string): string =>
  `${count} ${count === 1 ? what : (PLURALS[what] ?? `${what}s`)}`;
