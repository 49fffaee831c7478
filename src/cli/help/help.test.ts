import { describe, expect, test } from "bun:test";
import { COMMANDS } from "../command-list.ts";
import { execute } from "../commands/help.ts";
import { allOptions, type GrammarShape } from "../grammar.ts";
import { parseContext } from "../testing/parse-context.ts";
import { commandHelp } from "./command-help.ts";
import { COLUMNS, twoColumns, wrap } from "./layout.ts";
import { overview } from "./overview.ts";

async function printed(argv: readonly string[]): Promise<string> {
  let text = "";
  const print = (more: string) => {
    text += more;
  };
  expect(await execute(argv, { ...parseContext(), debug: false, print, printError: print })).toBe(0);
  return text;
}

test("the overview names every command that is for people", () => {
  expect(overview()).toBe(`Usage: sampan [OPTIONS] COMMAND [ARGUMENT...]

Containers from scratch: a command, and as many walls around it as you like.

Commands:
  run         Run a command in a new container
  exec        Run another command in a running container
  ps          List containers
  kill        Send a signal to containers
  doctor      Say what works on this host, what does not, and why
  version     Show the version
  help        Show help for a command
  completion  Print the completion script for a shell

Options:
      --root DIR                      Folder for Sampan's state (SAMPAN_ROOT)
      --debug                         Print the stack of an error
  -h, --help                          Show help
      --version                       Show the version

sampan help COMMAND tells more. To start with: sampan run host ps ax
`);
});

test("help of a command", async () => {
  expect(await printed(["kill"])).toBe(`Usage: sampan kill [OPTIONS] CONTAINER...

Sends a signal to the command of each container: KILL, or another one.

Options:
  -s, --signal SIGNAL                 Name or number of the signal; the default is KILL

Everywhere:
      --root DIR                      Folder for Sampan's state (SAMPAN_ROOT)
      --debug                         Print the stack of an error
  -h, --help                          Show help

Examples:
  sampan kill web                End a container at once
  sampan kill -s TERM web cache  Ask two containers to stop
`);
});

test("without a command help is the overview", async () => expect(await printed([])).toBe(overview()));

describe("every command's help", () => {
  for (const { name, grammar } of COMMANDS) {
    test(`${name}: fits ${COLUMNS} columns and names all options`, async () => {
      const shape: GrammarShape = await grammar();
      const text = commandHelp(shape);
      expect(text.split("\n").filter((line) => line.length > COLUMNS || line !== line.trimEnd())).toEqual([]);
      for (const option of allOptions(shape)) expect(text).toContain(` --${option.name}`);
    });
  }
});

describe("no command has two options of one name", () => {
  for (const { name, grammar } of COMMANDS) {
    test(name, async () => {
      const options = allOptions(await grammar());
      const names = options.flatMap((option) => [option.name, option.short ?? [], option.aliases ?? []].flat());
      expect(names.filter((word, index) => names.indexOf(word) !== index)).toEqual([]);
    });
  }
});

test("text is broken between words", () => {
  expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
  expect(wrap("incomprehensible", 5)).toEqual(["incomprehensible"]);
});

test("a left cell that is too long takes a line of its own", () => {
  expect(
    twoColumns(
      [
        ["ab", "x"],
        ["abcdef", "y"],
      ],
      4,
    ),
  ).toBe("  ab    x\n  abcdef\n        y\n");
});
