import {
  appendDecided,
  decideGroup,
  LookUpFailed,
  lookUpGroup,
  tell,
  type Waiting,
} from "./ingest-group.ts";
import type { EventStream } from "./ports/event-stream.ts";

/**
 * Appends a group and answers each of it. After an error each goes alone, so that one delivery
 * which cannot be appended does not fail its neighbours.
 *
 * @param hasFailed an error has been met already
 * @throws LookUpFailed for whoever is left unanswered
 */
export async function appendGroup(
  stream: EventStream,
  group: readonly Waiting[],
  hasFailed = false,
): Promise<void> {
  const left = new Set(group);
  let isTogether = !hasFailed;
  while (left.size > 0) {
    const chosen = [...left].slice(0, isTogether ? left.size : 1);
    try {
      await appendTogether(stream, chosen, left);
    } catch (error) {
      if (error instanceof LookUpFailed) {
        for (const { reject } of left) reject(error.cause);
        throw error;
      }
      if (!isTogether || left.size === 1) rejectFirst(left, error);
      isTogether = false;
    }
  }
}

function rejectFirst(left: Set<Waiting>, error: unknown): void {
  const [first] = left;
  if (first === undefined) return;
  first.reject(error);
  left.delete(first);
}

/**
 * Looks up, decides and appends those chosen, and takes them off the rest as they become durable.
 * On a conflict what is left of them is looked up and decided again.
 */
async function appendTogether(
  stream: EventStream,
  chosen: readonly Waiting[],
  left: Set<Waiting>,
): Promise<void> {
  for (let toDo = chosen; toDo.length > 0; toDo = toDo.filter((waiting) => left.has(waiting))) {
    const decided = decideGroup(toDo, await lookUpGroup(stream, toDo));
    if (decided === null) continue;
    await appendDecided(stream, decided, (answers) => {
      tell(answers);
      for (const { waiting } of answers) left.delete(waiting);
    });
  }
}
