import type { DataOf, ModelName } from "@counterfoil/contracts/fact";
import { readData } from "@counterfoil/core/stream/read-event";
import type { EventStream } from "./ports/event-stream.ts";

/** Which generation of a model the stream says is live, and since where. */
export type Activation = Readonly<{ generation: number; position: number }>;

/** Without any `ModelActivated` the first generation is live. */
const FIRST: Activation = { generation: 1, position: 0 };

/** The stream alone says it: the latest `ModelActivated` of the model. */
export async function liveGeneration(stream: EventStream, model: ModelName): Promise<Activation> {
  return (await activationsOf(stream, model)).at(-1) ?? FIRST;
}

/** Every activation of the model, oldest first. */
export async function activationsOf(
  stream: EventStream,
  model: ModelName,
): Promise<readonly Activation[]> {
  const activations: Activation[] = [];
  for (let after = 0; ; ) {
    const page = await stream.read({ after, limit: 1000, types: ["ModelActivated"] });
    for (const event of page) {
      const activated = readData(event) as DataOf<"ModelActivated">;
      if (activated.model === model) {
        activations.push({ generation: activated.generation, position: event.position });
      }
    }
    const last = page.at(-1);
    if (last === undefined) return activations;
    after = last.position;
  }
}
