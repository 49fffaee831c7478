/**
 * Sampan: containers from scratch, from your own process.
 *
 * ```ts
 * import { open } from "sampan";
 *
 * const sampan = await open();
 * const result = await sampan.run({ source: "host", command: ["uname", "-a"] });
 * console.log(result.exitCode, result.stdout);
 * ```
 */
export {
  type CopyOption,
  type DeviceOption,
  Engine,
  type EngineOptions,
  ISOLATIONS,
  type Isolation,
  type LibraryRunOptions,
  type MountOption,
  open,
  type RunOptions,
  type RunReport,
  type RunResult,
  type UlimitOption,
} from "./engine/index.ts";
export { type ErrorCode, type ErrorDetails, formatError, SampanError } from "./errors/index.ts";
