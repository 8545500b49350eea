/** What a person asked for cannot be, and no data is the reason. */
export class WrongUsage extends Error {
  override readonly name = "WrongUsage";
}
