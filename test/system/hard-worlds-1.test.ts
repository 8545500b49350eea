import { describeHardWorlds } from "./hard-worlds.ts";

describeHardWorlds({ part: 0, of: 2 });
