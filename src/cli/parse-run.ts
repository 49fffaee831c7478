import type { RunOptions } from "../engine/index.ts";
import { SampanError } from "../errors/index.ts";
import type { ParseContext } from "./grammar.ts";
import { parseOptions } from "./parse-options.ts";
import { emptyRunDraft, type RunOutput } from "./run-draft.ts";
import { RUN_GRAMMAR } from "./tables/run.ts";

export interface RunCommand {
  readonly options: RunOptions;
  readonly output: RunOutput;
}

/**
 * The words after `sampan run` as what the engine takes.
 *
 * Throws UNKNOWN_OPTION, INVALID_VALUE and USAGE.
 *
 *     parseRun(["--rm", "host", "ls", "-la"], context).options
 *     // { remove: true, source: "host", command: ["ls", "-la"] }
 */
export function parseRun(argv: readonly string[], context: ParseContext): RunCommand {
  const draft = emptyRunDraft();
  const [source, ...command] = parseOptions(RUN_GRAMMAR, argv, draft, context);
  if (source === undefined || source === "") throw missingSource();
  const env = [...draft.envFromFiles, ...draft.env];
  const options: RunOptions = {
    ...draft.options,
    ...(env.length > 0 ? { env } : {}),
    source,
    ...(command.length > 0 ? { command } : {}),
  };
  return { options, output: draft.output };
}

function missingSource(): SampanError {
  return new SampanError("USAGE", "run needs a SOURCE", {
    object: "SOURCE",
    hint: "Name what to run in: host, scratch, a folder or an archive, as in sampan run host ls.",
  });
}
