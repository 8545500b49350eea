/** What is due at which time; the earliest first, and of equal times the one that came first. */
export type Agenda<T> = Readonly<{
  add: (atNs: bigint, item: T) => void;
  /** The time of the earliest item; null if there is none. */
  nextNs: () => bigint | null;
  take: () => Readonly<{ atNs: bigint; item: T }> | null;
}>;

type Slot<T> = Readonly<{ atNs: bigint; order: number; item: T }>;

/** A binary heap, since thousands of flows are under way at a time. */
export function createAgenda<T>(): Agenda<T> {
  const heap: Slot<T>[] = [];
  let added = 0;
  return {
    add(atNs, item) {
      added += 1;
      heap.push({ atNs, order: added, item });
      siftUp(heap);
    },
    nextNs: () => heap[0]?.atNs ?? null,
    take() {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) return null;
      if (heap.length > 0) {
        heap[0] = last;
        siftDown(heap);
      }
      return first;
    },
  };
}

function isBefore<T>(a: Slot<T>, b: Slot<T>): boolean {
  return a.atNs < b.atNs || (a.atNs === b.atNs && a.order < b.order);
}

function siftUp<T>(heap: Slot<T>[]): void {
  let child = heap.length - 1;
  while (child > 0) {
    const parent = (child - 1) >> 1;
    if (!swapIfBefore(heap, child, parent)) return;
    child = parent;
  }
}

function siftDown<T>(heap: Slot<T>[]): void {
  let parent = 0;
  for (;;) {
    const left = 2 * parent + 1;
    const right = left + 1;
    const [leftSlot, rightSlot] = [heap[left], heap[right]];
    if (leftSlot === undefined) return;
    const isRight = rightSlot !== undefined && isBefore(rightSlot, leftSlot);
    const child = isRight ? right : left;
    if (!swapIfBefore(heap, child, parent)) return;
    parent = child;
  }
}

function swapIfBefore<T>(heap: Slot<T>[], child: number, parent: number): boolean {
  const below = heap[child] as Slot<T>;
  const above = heap[parent] as Slot<T>;
  if (!isBefore(below, above)) return false;
  heap[child] = above;
  heap[parent] = below;
  return true;
}
