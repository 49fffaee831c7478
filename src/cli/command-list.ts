import type { GrammarShape } from "./grammar.ts";

/** What can be said of a command without loading it. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** For Sampan's own use: neither shown nor suggested. */
  readonly hidden?: boolean;
  readonly grammar: () => Promise<GrammarShape>;
}

/** All commands, in the order in which help shows them. */
export const COMMANDS = [
  {
    name: "run",
    summary: "Run a command in a new container",
    grammar: async () => (await import("./tables/run.ts")).RUN_GRAMMAR,
  },
  {
    name: "exec",
    summary: "Run another command in a running container",
    grammar: async () => (await import("./parse-exec.ts")).EXEC_GRAMMAR,
  },
  {
    name: "ps",
    summary: "List containers",
    grammar: async () => (await import("./parse-ps.ts")).PS_GRAMMAR,
  },
  {
    name: "kill",
    summary: "Send a signal to containers",
    grammar: async () => (await import("./parse-kill.ts")).KILL_GRAMMAR,
  },
  {
    name: "doctor",
    summary: "Say what works on this host, what does not, and why",
    grammar: async () => (await import("./parse-doctor.ts")).DOCTOR_GRAMMAR,
  },
  {
    name: "version",
    summary: "Show the version",
    grammar: async () => (await import("./parse-version.ts")).VERSION_GRAMMAR,
  },
  {
    name: "help",
    summary: "Show help for a command",
    grammar: async () => (await import("./parse-help.ts")).HELP_GRAMMAR,
  },
  {
    name: "completion",
    summary: "Print the completion script for a shell",
    grammar: async () => (await import("./parse-completion.ts")).COMPLETION_GRAMMAR,
  },
  {
    name: "internal-report",
    summary: "Print the report of a run that has ended",
    hidden: true,
    grammar: async () => (await import("./parse-internal-report.ts")).INTERNAL_REPORT_GRAMMAR,
  },
] as const satisfies readonly CommandEntry[];

export type CommandName = (typeof COMMANDS)[number]["name"];

export function isCommandName(name: string): name is CommandName {
  return COMMANDS.some((command) => command.name === name);
}

export function visibleCommands(): readonly CommandEntry[] {
  return COMMANDS.filter((command: CommandEntry) => command.hidden !== true);
}
