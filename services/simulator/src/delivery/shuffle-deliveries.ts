import { createRandom, type Random, shuffled } from "../random.ts";

/**
 * Another order of recording: webhooks in any order and anywhere between the frames, while each
 * feed keeps the order of what it sees. Arrival times stay what they are, so they no longer rise.
 */
export function shuffleDeliveries<D extends Readonly<{ kind: string; feed?: string }>>(
  deliveries: readonly D[],
  seed: number | string,
): readonly D[] {
  const random = createRandom(seed, "shuffle");
  const lanes = Map.groupBy(deliveries, ({ kind, feed }) =>
    kind === "webhook" ? "" : (feed ?? ""),
  );
  lanes.set("", shuffled(lanes.get("") ?? [], random));
  const order = [...lanes].flatMap(([lane, list]) => list.map(() => lane));
  const positions = new Map<string, number>();
  return shuffled(order, random).map((lane) => {
    const position = positions.get(lane) ?? 0;
    positions.set(lane, position + 1);
    return lanes.get(lane)?.[position] as D;
  });
}

/**
 * Another order of the webhooks alone. Each stays on its side of every opening of a connection:
 * what is recorded before an opening is known to be in that connection's snapshot.
 */
export function shuffleBetweenOpenings<D extends Readonly<{ kind: string }>>(
  deliveries: readonly D[],
  seed: number | string,
): readonly D[] {
  const random = createRandom(seed, "shuffle between openings");
  const stretches: D[][] = [[]];
  for (const delivery of deliveries) {
    if (delivery.kind === "feed-opened") stretches.push([]);
    stretches.at(-1)?.push(delivery);
  }
  return stretches.flatMap((stretch) => shuffleWebhooks(stretch, random));
}

function shuffleWebhooks<D extends Readonly<{ kind: string }>>(
  stretch: readonly D[],
  random: Random,
): readonly D[] {
  // An opening begins its stretch, and stays there.
  const opening = stretch[0]?.kind === "feed-opened" ? stretch.slice(0, 1) : [];
  const rest = stretch.slice(opening.length);
  const isHook = ({ kind }: D) => kind === "webhook";
  const hooks = shuffled(rest.filter(isHook), random);
  const frames = rest.filter((delivery) => !isHook(delivery));
  const order = shuffled(rest.map(isHook), random);
  return [...opening, ...order.flatMap((hook) => (hook ? hooks : frames).shift() ?? [])];
}
