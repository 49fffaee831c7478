import type { CommandName } from "./command-list.ts";
// Alone among the commands `run` is loaded at once: its start-up time is what users wait for, and a module that is part
// of the first bundle needs no second look-up. All others are loaded when they are called.
import * as run from "./commands/run.ts";
import type { Command } from "./context.ts";

export type CommandLoaders = Readonly<Record<CommandName, () => Promise<Command>>>;

export const commands: CommandLoaders = {
  run: async () => run,
  exec: () => import("./commands/exec.ts"),
  ps: () => import("./commands/ps.ts"),
  kill: () => import("./commands/kill.ts"),
  doctor: () => import("./commands/doctor.ts"),
  version: () => import("./commands/version.ts"),
  help: () => import("./commands/help.ts"),
  completion: () => import("./commands/completion.ts"),
  "internal-report": () => import("./commands/internal-report.ts"),
};
