/*
 * What `verify` says of a stream whose tables are not as this program lays them out; both SQL engines use these words.
 * `object` is a kind and a name, such as `index events_about`.
 */

export const layOutAgain = (statement: string): string =>
  `end the services and lay it out again: ${statement}`;

/** A table cannot be changed in place. @param kept what the advice is to keep */
export const replaceTable = (kept: string): string =>
  `keep ${kept}, \`counterfoil export\` what it holds and \`counterfoil import\` that into an empty ledger, or restore a backup`;

export const missing = (object: string, advice: string): string =>
  `${object} is missing: ${advice}`;

export const different = (object: string, is: string, expected: string, advice: string): string =>
  `${object} is "${is}", expected "${expected}": ${advice}`;

export const added = (object: string, drop: string): string =>
  `${object} is not this program's: find out who added it and what it changed, end the services and take it away: ${drop}`;
