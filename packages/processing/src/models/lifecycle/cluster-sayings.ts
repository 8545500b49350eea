import { add, formatMoney, moneyOf, subtract } from "@counterfoil/core/exact/money";
import type { FactReading } from "@counterfoil/core/lifecycle/fact-reading";
import { fieldsLost, withoutFields, withSayings } from "@counterfoil/core/lifecycle/record-fields";
import type { Cluster } from "./cluster-store.ts";

/** Movements of its way that a record lists. */
const MOVEMENTS_SHOWN = 100;

/** What was lost with facts that do not say it any more; to be looked for in those that are left. */
type Lost = {
  /** By field: in which order it stood. */
  readonly fields: Map<string, string>;
  movements: boolean;
};

/**
 * What the facts of clusters say together. One more fact is compared with what counts; where the
 * one that counted is gone, the cluster's facts are read once, when the event has put all in place.
 */
export class ClusterSayings {
  private readonly lost = new Map<Cluster, Lost>();

  add(cluster: Cluster, { sayings, movementId, debit }: FactReading): void {
    countDebit(cluster, debit, 1);
    cluster.fields = withSayings(cluster.fields, sayings);
    this.listMovement(cluster, movementId);
    const fields = this.lost.get(cluster)?.fields;
    for (const { field, order } of sayings) {
      // Nobody else can say it better than what was lost said it.
      if (order <= (fields?.get(field) ?? "")) fields?.delete(field);
    }
  }

  remove(cluster: Cluster, { sayings, debit }: FactReading): void {
    countDebit(cluster, debit, -1);
    const fields = fieldsLost(cluster.fields, sayings);
    for (const field of fields) {
      this.lostOf(cluster).fields.set(field, cluster.fields[field]?.[0] ?? "");
    }
    cluster.fields = withoutFields(cluster.fields, fields);
  }

  /** No fact of the cluster states the movement any more. */
  forgetMovement(cluster: Cluster, id: string): void {
    if (cluster.movements.length === MOVEMENTS_SHOWN) this.lostOf(cluster).movements = true;
    cluster.movements = cluster.movements.filter((other) => other !== id);
  }

  /** Looks for what was lost, in all that the clusters' facts say. */
  async *findLost(
    readingsOf: (cluster: Cluster) => AsyncIterable<FactReading>,
  ): AsyncGenerator<Cluster> {
    for (const [cluster, { fields, movements }] of this.lost) {
      this.lost.delete(cluster);
      if (cluster.facts === 0 || (fields.size === 0 && !movements)) continue;
      for await (const { sayings, movementId } of readingsOf(cluster)) {
        const wanted = sayings.filter(({ field }) => fields.has(field));
        cluster.fields = withSayings(cluster.fields, wanted);
        if (movements) this.listMovement(cluster, movementId);
      }
      yield cluster;
    }
  }

  private lostOf(cluster: Cluster): Lost {
    const known = this.lost.get(cluster) ?? { fields: new Map<string, string>(), movements: false };
    this.lost.set(cluster, known);
    return known;
  }

  private listMovement(cluster: Cluster, id: string | null): void {
    if (id === null || cluster.movements.includes(id)) return;
    cluster.movements = [...cluster.movements, id].sort().slice(0, MOVEMENTS_SHOWN);
  }
}

function countDebit(cluster: Cluster, debit: string | null, by: 1 | -1): void {
  if (debit === null) return;
  const { count, amount } = cluster.debits;
  const change = by > 0 ? add : subtract;
  const total = formatMoney(change(moneyOf(amount), moneyOf(debit)));
  cluster.debits = { count: count + by, amount: total };
}
