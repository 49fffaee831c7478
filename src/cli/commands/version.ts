import { release } from "node:os";
import packageJson from "../../../package.json" with { type: "json" };
import { PROTOCOL } from "../../program/index.ts";
import type { CommandContext } from "../context.ts";
import { parseVersion } from "../parse-version.ts";

export async function execute(argv: readonly string[], context: CommandContext): Promise<number> {
  const { format } = parseVersion(argv, context);
  const runtime = process.versions["bun"] ? `bun ${process.versions["bun"]}` : `node ${process.version}`;
  const facts = {
    version: packageJson.version,
    protocol: PROTOCOL.version,
    runtime,
    platform: `linux/${process.arch}`,
    kernel: release(),
  };
  if (format === "json") context.print(`${JSON.stringify(facts)}\n`);
  else
    context.print(
      `sampan ${facts.version}\n  protocol ${facts.protocol}, ${runtime}, ${facts.platform}, kernel ${facts.kernel}\n`,
    );
  return 0;
}
