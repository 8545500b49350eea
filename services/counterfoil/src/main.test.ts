import { expect, test } from "@jest/globals";
import type { Command } from "commander";
import { createProgram } from "./main.ts";

type Named = Readonly<{
  name: string;
  parse: ((text: string, before: unknown) => unknown) | undefined;
}>;

/** The options and arguments of a command and its own commands that take the name of a file. */
function filesOf(command: Command, path = command.name()): readonly Named[] {
  const options = command.options
    .filter(({ flags }) => /<file>|^--key /.test(flags))
    .map(({ flags, parseArg }) => ({ name: `${path} ${flags}`, parse: parseArg }));
  const taken = command.registeredArguments
    .filter((argument) => argument.name() === "file")
    .map(({ parseArg }) => ({ name: `${path} <file>`, parse: parseArg }));
  const own = command.commands.flatMap((child) => filesOf(child, `${path} ${child.name()}`));
  return [...options, ...taken, ...own];
}

test("no option and no argument takes an empty name of a file", () => {
  const all = filesOf(createProgram());
  expect(all.length).toBeGreaterThan(15);
  const says = all.map(({ name, parse }) => {
    try {
      return `${name} takes ${JSON.stringify(parse?.("", []))}`;
    } catch (error) {
      return (error as Error).message;
    }
  });
  expect([...new Set(says)]).toEqual(["expected the name of a file, found an empty one"]);
});
