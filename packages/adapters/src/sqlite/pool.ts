/** Things that one caller at a time may use, opened when they are needed. */
export type Pool<Item> = Readonly<{
  use<T>(work: (item: Item) => Promise<T>): Promise<T>;
  /** Closes what is idle, so that the next user opens anew. */
  clear(): void;
  /** Those in use are closed when they come back. */
  close(): void;
}>;

type Options<Item> = Readonly<{
  sizeMax: number;
  open: () => Promise<Item>;
  /** Asked before an item is used again. */
  isUsable: (item: Item) => boolean;
  close: (item: Item) => void;
}>;

export function createPool<Item>({ sizeMax, open, isUsable, close }: Options<Item>): Pool<Item> {
  const idle: Item[] = [];
  const waiting: (() => void)[] = [];
  let inUse = 0;
  let closed = false;

  /** A place that falls free goes straight to who has waited longest. */
  async function enter(): Promise<void> {
    if (inUse < sizeMax) inUse += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  }

  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) inUse -= 1;
    else next();
  }

  async function take(): Promise<Item> {
    if (closed) throw new Error("the read model was closed by this process");
    for (let item = idle.pop(); item !== undefined; item = idle.pop()) {
      if (isUsable(item)) return item;
      close(item);
    }
    return open();
  }

  function giveBack(item: Item): void {
    if (closed) close(item);
    else idle.push(item);
  }

  function clear(): void {
    for (const item of idle.splice(0)) close(item);
  }

  return {
    use: async (work) => {
      await enter();
      try {
        const item = await take();
        try {
          return await work(item);
        } finally {
          giveBack(item);
        }
      } finally {
        leave();
      }
    },
    clear,
    close: () => {
      closed = true;
      clear();
    },
  };
}
