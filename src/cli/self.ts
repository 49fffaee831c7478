/** The command that starts Sampan again: the compiled executable, or a runtime with the entry's source. */
export function selfCommand(): string[] {
  const script = process.argv[1];
  // Bun's compiled executables show their modules below this name.
  const compiled = script === undefined || script.startsWith("/$bunfs/") || script === process.execPath;
  return compiled ? [process.execPath] : [process.execPath, script];
}
