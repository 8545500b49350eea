type Kind = Readonly<{ what: string; todo: string }>;

/** What each kind of anomaly means, and what to do about it, in a sentence each. */
export const KINDS: Readonly<Record<string, Kind>> = {
  gap: {
    what: "Between two runs money came or went that no run says.",
    todo: "Ask the provider for the runs in between; a report that comes late closes the gap by itself.",
  },
  contradiction: {
    what: "Two copies of one fact say different things.",
    todo: "Compare the bytes of both deliveries, and ask the provider which holds.",
  },
  account_id_conflict: {
    what: "The provider gives one account several ids.",
    todo: "Ask the provider which holds; the account is shown under our own id.",
  },
  id_conflict: {
    what: "One id of the provider's names records of different owners.",
    todo: "Ask for each by its own id; tell the provider that the id is not unique.",
  },
  type_conflict: {
    what: "One run is said to be of two types.",
    todo: "Compare the deliveries; the balance does not depend on it.",
  },
  invariant: {
    what: "Available and reserved do not add up to what is on the chain.",
    todo: "Wait for the message that is under way; if it stays, ask the provider.",
  },
  foreign_event: {
    what: "Somebody else wrote to the stream.",
    todo: "Find out who has access to the engine, and take it away.",
  },
  clock: {
    what: "A time cannot be, or is far from the others that say the same.",
    todo: "Look at the delivery; the order of arrival was taken where the time could not be.",
  },
  illegal_step: {
    what: "A status does not follow from the one before it.",
    todo: "Look at the timeline; a status may be missing or may have come late.",
  },
  unknown_word: {
    what: "The provider says a word that this version does not know.",
    todo: "Update Counterfoil; the stage stays as it was until then.",
  },
  unlisted: {
    what: "The feed's last complete snapshot leaves out an account that holds something.",
    todo: "Ask the provider whether the account was closed; a listing or a report closes this.",
  },
  stopped: {
    what: "A fact could not be folded, so this subject stands still in this model.",
    todo: "See the log; after a fix the subject goes on by itself, and all others never stopped.",
  },
  stuck: {
    what: "It has stayed in its stage for longer than it should.",
    todo: "Ask the provider about the transfer; the next status ends this.",
  },
};
