import { givenBy } from "./components/filters.tsx";

export type Moment = Readonly<{ as_of?: string; known_at?: string }>;

/** The moment that the address gives, as parameters of a question; empty for now. */
export const momentGiven = (): Moment => givenBy(["as_of", "known_at"]);

export const isPast = (moment: Moment): boolean => Object.keys(moment).length > 0;
