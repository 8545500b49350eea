import { ConfirmButton } from "../components/confirm-button.tsx";
import { DeliveryLink } from "../components/links.tsx";
import { NoteForm } from "../components/note-form.tsx";
import { Panel } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import { Ago } from "../components/time.tsx";
import { ofModels, Refusal, useResource } from "../resource.ts";
import { api } from "../session.ts";

const SHOWN = 50;

/** Deliveries that were kept and that nobody could read. */
export function Quarantine() {
  const list = useResource(
    "quarantine",
    (client, signal) => client.listQuarantine({ open: "true", limit: SHOWN } as never, { signal }),
    ofModels("balances"),
  );
  const again = list.state === "loading" ? () => {} : list.again;
  const seen = async (position: string) => {
    await api.value.listQuarantine({ limit: 1, min_position: position } as never);
    again();
  };
  const retry = async (delivery_id: string) => {
    const { data, position } = await api.value.retryQuarantined({ delivery_id });
    await seen(position);
    const { outcome, detail } = data;
    if (outcome === "resolved") return;
    throw new Refusal(`${REASONS[outcome] ?? outcome}${detail === null ? "" : `: ${detail}`}`);
  };
  const dismiss = async (delivery_id: string, note: string) => {
    const { position } = await api.value.dismissQuarantined({ delivery_id, body: { note } });
    await seen(position);
  };
  return (
    <Panel title="Quarantine" aside="kept byte for byte, and not understood">
      <Loaded resource={list}>
        {({ data, next_cursor }) =>
          data.length === 0 ? (
            <Empty>Nothing: every delivery was understood.</Empty>
          ) : (
            <>
              <Table
                label="Quarantined deliveries"
                rows={data}
                keyOf={({ delivery_id }) => delivery_id}
                columns={[
                  {
                    title: "delivery",
                    cell: ({ delivery_id }) => <DeliveryLink id={delivery_id} text={delivery_id} />,
                  },
                  { title: "provider", cell: ({ provider }) => provider },
                  { title: "payload type", minor: true, cell: (row) => row.payload_type || "–" },
                  {
                    title: "why",
                    cell: ({ reason, detail }) => (
                      <span class="wrap">
                        <b>{reason}</b>: {detail}
                      </span>
                    ),
                  },
                  { title: "tries", kind: "number", minor: true, cell: ({ attempts }) => attempts },
                  { title: "received", minor: true, cell: (row) => <Ago at={row.received_at} /> },
                  {
                    title: "what to do",
                    cell: ({ delivery_id: id }) => (
                      <span class="actions">
                        <ConfirmButton
                          action="Retry"
                          question="Read it once more, with the translation of this version?"
                          act={() => retry(id)}
                        />
                        <NoteForm
                          action="Dismiss"
                          why="Note: why it needs nobody"
                          act={(note) => dismiss(id, note)}
                        />
                      </span>
                    ),
                  },
                ]}
              />
              {next_cursor !== null && <p class="quiet">These are the newest {SHOWN}.</p>}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

/** The service did as it was asked, and it did not help. */
const REASONS: Readonly<Record<string, string>> = {
  unreadable: "It still cannot be read",
  tried: "This version has tried before",
  gone: "Its bytes were erased",
};
