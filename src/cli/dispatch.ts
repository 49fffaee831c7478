import { formatError, SampanError } from "../errors/index.ts";
import { COMMANDS, type CommandName, isCommandName } from "./command-list.ts";
import type { CommandLoaders } from "./commands.ts";
import type { CommandContext } from "./context.ts";
import { TOP_GRAMMAR } from "./global-options.ts";
import type { GlobalDraft } from "./grammar.ts";
import { mayHoldCommonOptions, parseCommonOptions } from "./parse-options.ts";
import { tokenize } from "./tokenize.ts";
import { unknownCommand } from "./unknown-command.ts";

/** What the process lends to `dispatch`: a command's context but for the global options, which are in `argv`. */
export type ProcessContext = Omit<CommandContext, "root" | "debug">;

/** Runs the command that `argv` names. Never throws: errors are printed here, once. Returns the exit status. */
export async function dispatch(
  argv: readonly string[],
  context: ProcessContext,
  commands: CommandLoaders,
): Promise<number> {
  const globals: GlobalDraft = {};
  try {
    return await callCommand(argv, globals, context, commands);
  } catch (error) {
    return reportError(error, globals.debug === true, context);
  }
}

async function callCommand(
  argv: readonly string[],
  globals: GlobalDraft,
  context: ProcessContext,
  commands: CommandLoaders,
): Promise<number> {
  const [name, ...rest] = tokenize(TOP_GRAMMAR, argv).operands;
  const before = name === undefined ? argv : argv.slice(0, argv.length - rest.length - 1);
  parseCommonOptions(TOP_GRAMMAR, before, globals, context);
  const call = (command: CommandName, words: readonly string[]) =>
    callLoaded(command, words, commands, commandContext(globals, context));
  if (globals.version) return call("version", []);
  if (name === undefined) return call("help", []);
  if (!isCommandName(name)) throw unknownCommand(name);
  if (!globals.help && mayHoldCommonOptions(rest)) await readCommandGlobals(name, rest, globals, context);
  return globals.help ? call("help", [name]) : call(name, rest);
}

async function callLoaded(
  name: CommandName,
  argv: readonly string[],
  commands: CommandLoaders,
  context: CommandContext,
): Promise<number> {
  return (await commands[name]()).execute(argv, context);
}

async function readCommandGlobals(
  name: CommandName,
  argv: readonly string[],
  globals: GlobalDraft,
  context: ProcessContext,
): Promise<void> {
  const entry = COMMANDS.find((command) => command.name === name);
  if (entry !== undefined) parseCommonOptions(await entry.grammar(), argv, globals, context);
}

function commandContext({ root, debug = false }: GlobalDraft, context: ProcessContext): CommandContext {
  const folder = root ?? (context.env["SAMPAN_ROOT"] || undefined);
  return { ...context, debug, ...(folder === undefined ? {} : { root: folder }) };
}

function reportError(error: unknown, debug: boolean, { printError }: ProcessContext): number {
  const known = error instanceof SampanError ? error : unexpected(error);
  printError(`${formatError(known)}\n`);
  if (debug) printError(`${stackOf(error)}\n`);
  return known.exitCode;
}

function unexpected(error: unknown): SampanError {
  const message = error instanceof Error ? error.message : String(error);
  return new SampanError("INTERNAL", `internal error: ${message}`, {
    cause: error,
    hint: "This is a fault in Sampan; --debug shows where.",
  });
}

/** The stack, and those of the causes. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? String(error);
  return error.cause === undefined ? stack : `${stack}\ncaused by: ${stackOf(error.cause)}`;
}
