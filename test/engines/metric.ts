/** One number of a service's metrics; null where it is not told. */
export async function metric(address: string, name: string): Promise<number | null> {
  const text = await (await fetch(`${address}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return line === undefined ? null : Number(line.slice(name.length + 1));
}
