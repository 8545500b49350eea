// Jest's way to the same sources that Node runs: types are blanked out in place, so that
// lines and columns in a stack trace stay those of the file.
import { stripTypeScriptTypes } from "node:module";

export default {
  process: (source) => ({ code: stripTypeScriptTypes(source, { mode: "strip" }) }),
  canInstrument: false,
};
