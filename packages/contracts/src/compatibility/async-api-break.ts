import { type Json, objectAt, type Part, resolve } from "./pointer.ts";
import { schemaDifferences } from "./schema-difference.ts";

type Documents = Readonly<{ promised: Json; found: Json }>;
type Parts = Readonly<{ promised: Part; found: Part }>;

/**
 * What would break a consumer of the promised AsyncAPI document: a topic or a kind of message that
 * is gone, another address or retention, a header, key or payload that says something else. More
 * topics and more kinds of messages break nobody.
 */
export function asyncApiBreaks({ promised, found }: Documents): readonly string[] {
  return Object.entries(objectAt(promised, "channels")).flatMap(([name, before]) => {
    const at = `topic ${name}`;
    const now = objectAt(found, "channels")[name];
    if (now === undefined) return [`${at}: is gone`];
    const parts = {
      promised: resolve({ root: promised, node: before as Json }),
      found: resolve({ root: found, node: now as Json }),
    };
    return [...addressBreaks(parts, at), ...settingBreaks(parts, at), ...messageBreaks(parts, at)];
  });
}

function addressBreaks({ promised, found }: Parts, at: string): readonly string[] {
  const [before, now] = [promised.node.address, found.node.address];
  return before === now ? [] : [`${at}: its address is ${now}, was ${before}`];
}

function settingBreaks({ promised, found }: Parts, at: string): readonly string[] {
  const now = settingsOf(found.node);
  return Object.entries(settingsOf(promised.node)).flatMap(([name, value]) => {
    const [before, present] = [JSON.stringify(value), JSON.stringify(now[name])];
    return before === present ? [] : [`${at}: ${name} is ${present ?? "gone"}, was ${before}`];
  });
}

const settingsOf = (channel: Json): Json =>
  objectAt(objectAt(objectAt(channel, "bindings"), "kafka"), "topicConfiguration");

function messageBreaks({ promised, found }: Parts, at: string): readonly string[] {
  const now = objectAt(found.node, "messages");
  return Object.entries(objectAt(promised.node, "messages")).flatMap(([name, before]) => {
    const place = `${at} ${name}`;
    if (now[name] === undefined) return [`${place}: is gone`];
    const messages = {
      promised: resolve({ root: promised.root, node: before as Json }),
      found: resolve({ root: found.root, node: now[name] as Json }),
    };
    return PARTS.flatMap(([what, partOf]) =>
      schemaDifferences(
        {
          promised: { root: promised.root, node: partOf(messages.promised.node) },
          found: { root: found.root, node: partOf(messages.found.node) },
        },
        `${place} ${what}`,
      ),
    );
  });
}

const PARTS: readonly (readonly [string, (message: Json) => Json])[] = [
  ["headers", (message) => objectAt(message, "headers")],
  ["payload", (message) => objectAt(message, "payload")],
  ["key", (message) => objectAt(objectAt(objectAt(message, "bindings"), "kafka"), "key")],
];
