import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { canonicalJson, type Json, parseJson, parseLongList } from "./json.ts";

const parsed = (text: string, numbers: "string" | "printed" = "string"): unknown => {
  const answer = parseJson(text, numbers);
  if (!answer.ok) throw new Error(`${answer.reason}, at ${answer.at}: ${text}`);
  return answer.value;
};

const refusal = (text: string): string => {
  const answer = parseJson(text);
  return answer.ok ? "accepted" : `${answer.reason}, at ${answer.at}`;
};

const canonical = (text: string): string => canonicalJson(parsed(text, "printed"));

/** What `JSON.parse` gives, with each number as the text that was printed. */
const reference = (text: string): unknown =>
  JSON.parse(text, (_key, value, context?: { source: string }) =>
    typeof value === "number" ? context?.source : value,
  );

/** JSON text as providers might print it: any spacing, any escapes, no key twice. */
const printedJson = fc
  .tuple(fc.jsonValue(), fc.constantFrom(0, 1, 2, "\t", "\r\n"), fc.boolean())
  .map(([value, indent, escaped]) => {
    const text = JSON.stringify(value, null, indent);
    return escaped ? escapeBeyondAscii(text) : text;
  })
  .filter((text) => isStorable(text));

const escapeBeyondAscii = (text: string): string =>
  text.replace(
    /[^\u0020-\u007e\s]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** What we refuse beyond RFC 8259 is tested one by one below. */
const isStorable = (text: string): boolean => {
  let storable = true;
  JSON.parse(text, (key, value) => {
    for (const part of [key, value]) {
      if (typeof part !== "string") continue;
      if (part.includes("\0") || !part.isWellFormed()) storable = false;
    }
    return value;
  });
  return storable;
};

describe("parseJson", () => {
  test("agrees with JSON.parse on every value, numbers aside", () => {
    fc.assert(
      fc.property(printedJson, (text) => {
        expect(parsed(text)).toEqual(reference(text));
      }),
      { numRuns: 500 },
    );
  });

  test("refuses what JSON.parse refuses, and never throws", () => {
    const mutation = fc.record({ at: fc.nat(), drop: fc.nat(2), put: fc.string({ maxLength: 2 }) });
    fc.assert(
      fc.property(printedJson, mutation, (text, { at, drop, put }) => {
        const from = at % (text.length + 1);
        const broken = text.slice(0, from) + put + text.slice(from + drop);
        const isJson = isParsable(broken);
        if (!isJson) expect(parseJson(broken).ok).toBe(false);
        else parseJson(broken);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ["85693", "85693"],
    ["-0", "-0"],
    ["1.0", "1.0"],
    ["1e5", "1e5"],
    ["1E+5", "1E+5"],
    ["-0.10e-07", "-0.10e-07"],
    ["1750404905186631445", "1750404905186631445"],
    ["81531.3718539524991138", "81531.3718539524991138"],
    ["7".repeat(400), "7".repeat(400)],
    ["7".repeat(1024), "7".repeat(1024)],
  ])("keeps the number %s as it was printed", (text, printed) => {
    expect(parsed(text)).toBe(printed);
    expect(parsed(text, "printed")).toMatchObject({ printed });
  });

  test.each([
    ["nothing", "", "text ends within a value, at 0"],
    ["spaces alone", " \n\t", "text ends within a value, at 3"],
    ["a second value", "1 2", "text goes on after the JSON value, at 2"],
    ["a leading zero", "01", "text goes on after the JSON value, at 1"],
    ["a point without digits after it", "1.", "text goes on after the JSON value, at 1"],
    ["a point without digits before it", ".5", "not a JSON value, at 0"],
    ["a plus sign", "+1", "not a JSON value, at 0"],
    ["a sign alone", "-", "not a JSON number, at 0"],
    ["an exponent without digits", "1e", "text goes on after the JSON value, at 1"],
    ["hexadecimal", "0x10", "text goes on after the JSON value, at 1"],
    ["NaN", "NaN", "not a JSON value, at 0"],
    ["Infinity", "-Infinity", "not a JSON number, at 0"],
    ["2,000 digits", "7".repeat(2000), "a number of more than 1024 characters, at 0"],
    ["a word in upper case", "True", "not a JSON value, at 0"],
    ["undefined", "undefined", "not a JSON value, at 0"],
    ["a trailing comma in a list", "[1,]", "not a JSON value, at 3"],
    ["a trailing comma in an object", '{"a":1,}', "expected a key in quotes, at 7"],
    ["a comma alone", "[,]", "not a JSON value, at 1"],
    ["no comma", "[1 2]", "expected ',' or ']', at 3"],
    ["the wrong bracket", "[1}", "expected ',' or ']', at 2"],
    ["a key without quotes", "{a:1}", "expected a key in quotes, at 1"],
    ["single quotes", "{'a':1}", "expected a key in quotes, at 1"],
    ["no colon", '{"a" 1}', "expected ':' after a key, at 5"],
    ["a key alone", '{"a"}', "expected ':' after a key, at 4"],
    ["a comment", "[1 /* one */]", "expected ',' or ']', at 3"],
    [
      "the page's arrow (provider facts 10.20)",
      '{"a":"1" <-- balance\n}',
      "expected ',' or '}', at 9",
    ],
    [
      "the page's dashes (provider facts 10.20)",
      "{\n-- spare\n}",
      "expected a key in quotes, at 2",
    ],
    ["a byte order mark", "\ufeff{}", "not a JSON value, at 0"],
    ["a no-break space", "\u00a0{}", "not a JSON value, at 0"],
    ["an open string", '"abc', "text ends within a string, at 4"],
    ["a raw line feed in a string", '"a\nb"', "control character, at 2"],
    ["a raw U+001F", '"\u001f"', "control character, at 1"],
    ["a raw U+0000", '"\u0000"', "control character, at 1"],
    ["an escaped U+0000", '"a\\u0000"', "a string holds U+0000, at 2"],
    ["an unknown escape", '"\\x41"', "not a JSON escape, at 1"],
    ["a short escape", '"\\u00g1"', "not a JSON escape, at 1"],
    ["a cut escape", '"\\u00', "not a JSON escape, at 1"],
    ["a raw lone surrogate", '"\ud800"', "a string holds a lone surrogate, at 3"],
    ["an escaped lone surrogate", '"\\ud83d"', "a string holds a lone surrogate, at 8"],
    ["a low surrogate first", '"\\ude00\\ud83d"', "a string holds a lone surrogate, at 14"],
    ["a lone surrogate in a key", '{"\\udc00":1}', "a string holds a lone surrogate, at 9"],
    ["a repeated key", '{"a":1,"a":1}', 'the key "a" is repeated, at 10'],
    ["a key repeated by an escape", '{"a":1,"\\u0061":1}', 'the key "a" is repeated, at 15'],
    ["a repeated __proto__", '{"__proto__":1,"__proto__":2}', "repeated"],
    ["a repeated key deep inside", '[{"b":{"a":1,"a":2}}]', "repeated"],
  ])("refuses %s", (_what, text, expected) => {
    expect(refusal(text)).toContain(expected);
  });

  test("keeps what a string may hold", () => {
    expect(parsed('"\\ud83d\\ude00"')).toBe("😀");
    expect(parsed('"😀\\u20ac€"')).toBe("😀€€");
    expect(parsed('"\\"\\\\\\/\\b\\f\\n\\r\\t"')).toBe('"\\/\b\f\n\r\t');
    expect(parsed('"\u007f\u2028\u2029"')).toBe("\u007f\u2028\u2029");
    expect(parsed('{"":""}')).toEqual({ "": "" });
  });

  test("64 levels pass, the 65th is refused, and 10,000 cost no stack", () => {
    const nested = (levels: number, inside = "") =>
      `${"[".repeat(levels)}${inside}${"]".repeat(levels)}`;
    expect(refusal(nested(64))).toBe("accepted");
    expect(refusal(nested(64, "1"))).toBe("accepted");
    expect(refusal(nested(65))).toContain("nesting deeper than 64");
    expect(refusal(nested(65, "1"))).toContain("nesting deeper than 64");
    expect(refusal(nested(10_000))).toContain("nesting deeper than 64");
    expect(refusal(`${'{"a":'.repeat(64)}1${"}".repeat(64)}`)).toBe("accepted");
    expect(refusal(`${'{"a":'.repeat(65)}1${"}".repeat(65)}`)).toContain("nesting");
  });

  test("100,000 members and 1,000,000 elements pass, one more is refused", () => {
    const object = (members: number) =>
      `{${Array.from({ length: members }, (_, at) => `"${at}":0`).join()}}`;
    const list = (elements: number) => `[${"0,".repeat(elements - 1)}0]`;
    expect(refusal(object(100_000))).toBe("accepted");
    expect(refusal(object(100_001))).toContain("an object of more than 100000 members");
    expect(refusal(list(1_000_000))).toBe("accepted");
    expect(refusal(list(1_000_001))).toContain("a list of more than 1000000 elements");
  });

  test("every beginning of a text is refused, and none throws", () => {
    const text = '{"a":[1.5e3,true,false,null,"\\u0061\\n😀"],"b":{"c":{}},"d":[]}';
    expect(refusal(text)).toBe("accepted");
    for (let length = 0; length < text.length; length += 1) {
      expect(refusal(text.slice(0, length))).not.toBe("accepted");
    }
  });

  test("__proto__ and constructor are members like any other", () => {
    const value = parsed('{"__proto__":{"polluted":"yes"},"constructor":"c","toString":"t"}');
    expect(Object.keys(value as object)).toEqual(["__proto__", "constructor", "toString"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect((value as { polluted?: string }).polluted).toBeUndefined();
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
    expect(canonicalJson(value)).toBe(
      '{"__proto__":{"polluted":"yes"},"constructor":"c","toString":"t"}',
    );
  });
});

describe("parseLongList", () => {
  /** What is yielded is put back into the list. */
  function parsedInPieces(text: string, pieceLength: number, aheadLength?: number): Json {
    const pieces = Array.from({ length: Math.ceil(text.length / pieceLength) }, (_, at) =>
      text.slice(at * pieceLength, (at + 1) * pieceLength),
    );
    const elements = parseLongList(pieces, "list", aheadLength);
    const list: Json[] = [];
    for (;;) {
      const { done, value } = elements.next();
      if (!done) list.push(value);
      else return list.length === 0 ? value : { ...(value as object), list };
    }
  }

  const thrownOf = (text: string, pieceLength = 7): string => {
    try {
      return JSON.stringify(parsedInPieces(text, pieceLength));
    } catch (error) {
      return String(error);
    }
  };

  const objects = fc
    .record({
      before: fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }),
      list: fc.array(fc.jsonValue({ maxDepth: 2 }), { minLength: 1, maxLength: 60 }),
      after: fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }),
      indent: fc.constantFrom(0, 1, "\t"),
    })
    .map(({ before, list, after, indent }) =>
      JSON.stringify({ ...before, list, ...after }, null, indent),
    )
    .filter(isStorable);

  test("gives what parseJson gives, wherever the text is cut", () => {
    fc.assert(
      fc.property(objects, fc.integer({ min: 1, max: 3000 }), (text, pieceLength) => {
        const lookingAhead = Math.max(1100, Math.ceil(text.length / 5));
        let found: Json;
        try {
          found = parsedInPieces(text, pieceLength, lookingAhead);
        } catch {
          // An element may be longer than what is ahead.
          found = parsedInPieces(text, pieceLength);
        }
        expect(found).toEqual(parsed(text));
      }),
      { numRuns: 300 },
    );
  });

  test("rejects whatever parseJson rejects", () => {
    const text = '{"a": [1], "list": [{"b":1}, "x", 2.5e3 ,[null]], "c": {"d":true}}';
    expect(thrownOf(text)).toBe('{"a":["1"],"list":[{"b":"1"},"x","2.5e3",[null]],"c":{"d":true}}');
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...'{}[],:"x0 \\'), (at, mark) => {
        const altered = text.slice(0, at) + mark + text.slice(at + 1);
        const whole = parseJson(altered);
        const isRejected = thrownOf(altered).startsWith("Error: ");
        if (!whole.ok) expect(isRejected).toBe(true);
        else if (!isRejected) expect(JSON.parse(thrownOf(altered))).toEqual(whole.value);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ["another value", "[1]", "expected an object"],
    ["an empty list", '{"list":[]}', "not a JSON value"],
    ["the list twice", '{"list":[1],"list":[2]}', "repeated"],
    ["no end", '{"list":[1', "expected ',' or ']'"],
    ["text behind it", `{"list":[1]}${" ".repeat(20)}x`, "text goes on"],
    ["65 levels", `{"list":[${"[".repeat(63)}${"]".repeat(63)}]}`, "nesting deeper than 64"],
  ])("rejects %s", (_what, text, expected) => {
    expect(thrownOf(text)).toContain(expected);
  });

  test("accepts 64 levels, and no list at all", () => {
    expect(thrownOf(`{"list":[${"[".repeat(62)}${"]".repeat(62)}]}`)).toMatch(/^{/);
    expect(thrownOf('{"list":{"a":1}}')).toBe('{"list":{"a":"1"}}');
  });

  test("a list may have more elements than parseJson accepts, and the object no more members", () => {
    function* long() {
      yield '{"list":[0';
      for (let at = 0; at < 1_000_000; at += 1) yield ",0";
      yield "]}";
    }
    let elements = 0;
    for (const _ of parseLongList(long(), "list")) elements += 1;
    expect(elements).toBe(1_000_001);
    const members = Array.from({ length: 100_001 }, (_, at) => `"${at}":0`);
    expect(thrownOf(`{${members.join()}}`, 1_000)).toContain("more than 100000 members");
  });

  test("holds a few pieces of the text, and never more", () => {
    let [given, read] = [0, 0];
    function* pieces() {
      yield '{"list":[{"n":0}';
      for (; given < 2000; given += 1) yield `,{"n":${given}}`;
      yield "]}";
    }
    for (const _ of parseLongList(pieces(), "list", 1100)) {
      read += 1;
      expect(given - read).toBeLessThan((2 * 1100) / 8 + 1);
    }
    expect(read).toBe(2001);
  });
});

describe("canonicalJson", () => {
  test("sorts keys by UTF-16 units (the example of RFC 8785, 3.2.3)", () => {
    const text =
      '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Hebrew Letter Dalet With Dagesh",' +
      '"1":"One","\\ud83d\\ude00":"Emoji: Grinning Face","\\u0080":"Control",' +
      '"\\u00f6":"Latin Small Letter O With Diaeresis"}';
    expect(Object.values(JSON.parse(canonical(text)))).toHaveLength(7);
    expect([...canonical(text).matchAll(/:"([^"]*)"/g)].map(([, value]) => value)).toEqual([
      "Carriage Return",
      "One",
      "Control",
      "Latin Small Letter O With Diaeresis",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh",
    ]);
  });

  test("escapes strings as RFC 8785 wants (3.2.2.2)", () => {
    expect(canonical('"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/"')).toBe(
      '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"',
    );
    expect(canonical('"\\b\\f\\n\\r\\t\\u0001\\u007f\\u2028"')).toBe(
      '"\\b\\f\\n\\r\\t\\u0001\u007f\u2028"',
    );
  });

  test.each([
    ["numbers stay as printed", '{ "b" : 1.0, "a" : [ 1, 1e3, -0 ] }', '{"a":[1,1e3,-0],"b":1.0}'],
    ["spaces go", " [ true , false , null , { } , [ ] ] ", "[true,false,null,{},[]]"],
    ["no object is taken for a number", '{"printed":"5"}', '{"printed":"5"}'],
    ["order within lists stays", "[3,1,2]", "[3,1,2]"],
  ])("%s", (_what, text, expected) => {
    expect(canonical(text)).toBe(expected);
  });

  test("1, 1.0 and the string 1 are three things", () => {
    expect(new Set(["1", "1.0", '"1"'].map(canonical)).size).toBe(3);
  });

  test("leaves out what is undefined", () => {
    expect(canonicalJson({ b: undefined, a: { c: undefined } })).toBe('{"a":{}}');
  });

  test("is one text however keys are ordered and text is spaced, and stays it", () => {
    fc.assert(
      fc.property(printedJson, (text) => {
        const once = canonical(text);
        expect(canonical(shuffledKeys(parsed(text, "printed") as Json))).toBe(once);
        expect(canonical(once)).toBe(once);
      }),
      { numRuns: 300 },
    );
  });
});

function isParsable(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The same value, printed with its keys backwards. */
function shuffledKeys(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(shuffledKeys).join(" ,\n")}]`;
  if (value === null || typeof value !== "object" || isNumber(value)) return canonicalJson(value);
  const members = Object.entries(value).reverse();
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}: ${shuffledKeys(member)}`)}}`;
}

const isNumber = (value: object): boolean => !/^[{[]/.test(canonicalJson(value));
