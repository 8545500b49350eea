import type { components } from "@counterfoil/client";
import { Amount } from "../components/amount.tsx";
import { NoteForm } from "../components/note-form.tsx";
import { durationText, Time } from "../components/time.tsx";
import { api } from "../session.ts";

type Anomaly = components["schemas"]["Anomaly"];

const textIn = ({ detail }: Anomaly, name: string): string | null => {
  const value = detail[name];
  return typeof value === "string" ? value : null;
};

/** What is wrong, as short as it can be said. */
export function AnomalySentence({ anomaly }: Readonly<{ anomaly: Anomaly }>) {
  if (anomaly.kind === "gap") {
    return (
      <>
        <Amount value={textIn(anomaly, "missing_amount")} signed /> between run{" "}
        {textIn(anomaly, "after_run_id") ?? "none"} and run{" "}
        {textIn(anomaly, "before_run_id") ?? "none"}
      </>
    );
  }
  if (anomaly.kind === "stuck") {
    return (
      <>
        in {textIn(anomaly, "stage")} since <Time at={textIn(anomaly, "entered_at")} />, longer than{" "}
        {durationText(Number(anomaly.detail.after_seconds))}
      </>
    );
  }
  const said = Object.entries(anomaly.detail)
    .filter(([, value]) => ["string", "number"].includes(typeof value))
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`);
  return <>{said.join(", ") || "–"}</>;
}

type AcknowledgeProps = Readonly<{ anomaly: Anomaly; onDone: () => void }>;

/** Says that somebody knows of it: it needs nobody until it changes. */
export function Acknowledge({ anomaly: { id, model }, onDone }: AcknowledgeProps) {
  const acknowledge = async (note: string) => {
    const { position } = await api.value.acknowledgeAnomaly({ id, body: { note } });
    const seen = { model, limit: 1, min_position: position };
    await api.value.listAnomalies(seen as never);
    onDone();
  };
  return (
    <NoteForm
      action="Acknowledge"
      why="Note: what you know, for those who come later"
      act={acknowledge}
    />
  );
}
