import { SampanError } from "../errors/index.ts";
import { visibleCommands } from "./command-list.ts";
import { closest } from "./suggest.ts";

export function unknownCommand(name: string): SampanError {
  const names = visibleCommands().map((command) => command.name);
  const near = closest(name, names);
  return new SampanError("USAGE", `unknown command ${name}`, {
    object: name,
    hint: near === undefined ? "sampan help lists the commands." : `Did you mean ${near}?`,
  });
}
