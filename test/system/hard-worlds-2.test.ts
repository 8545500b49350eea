import { describeHardWorlds } from "./hard-worlds.ts";

describeHardWorlds({ part: 1, of: 2 });
