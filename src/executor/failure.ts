/** From (step, errno) to an error that says what was attempted, why it failed, and the way out. */
import { type ErrorCode, type ErrorDetails, SampanError } from "../errors/index.ts";
import { CLONE } from "../kernel/index.ts";
import {
  type Argument,
  explainOperation,
  type Operation,
  type Program,
  processOf,
  type Vector,
} from "../program/index.ts";
import type { Failure } from "./outcome.ts";

interface Case {
  readonly program: Program;
  readonly operation: Operation;
  readonly failure: Failure;
}

interface Explanation {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly exitCode?: number;
}

type Rule = (failed: Case) => Explanation | undefined;

function vectorOf(argument: Argument | undefined): readonly string[] {
  const values = (argument as Vector | undefined)?.values ?? [];
  return values.filter((value) => typeof value === "string");
}

function environmentPath(env: readonly string[]): string {
  return env.findLast((entry) => entry.startsWith("PATH="))?.slice(5) ?? "(unset)";
}

const ARCHITECTURE_NAMES = { x64: "x86-64", arm64: "arm64" } as const;

const execFailed: Rule = ({ operation, failure, program }) => {
  if (operation.name !== "exec") return undefined;
  const [command = ""] = vectorOf(operation.arguments[1]);
  const what = `cannot run ${JSON.stringify(command)}`;
  switch (failure.errno) {
    case "ENOENT":
    case "ENOTDIR":
      return {
        code: "COMMAND_NOT_FOUND",
        exitCode: 127,
        ...(command.includes("/")
          ? {
              message: `${what}: there is no such file in the container`,
              hint: "If the file is there, the interpreter in its first line or its dynamic loader is missing.",
            }
          : {
              message: `${what}: not found in the container`,
              hint: `PATH is ${environmentPath(vectorOf(operation.arguments[2]))}.`,
            }),
      };
    case "EACCES":
      return {
        code: "COMMAND_NOT_EXECUTABLE",
        exitCode: 126,
        message: `${what}: it is not executable`,
        hint: "Set its x bit (chmod +x), and look whether it is a folder or lies on a noexec mount.",
      };
    case "ENOEXEC":
      return {
        code: "WRONG_ARCHITECTURE",
        exitCode: 126,
        message: `${what}: it is no program for this machine`,
        hint: `This is ${ARCHITECTURE_NAMES[program.architecture]}; the file is for another architecture, damaged, or a script without a #! line.`,
      };
    case "E2BIG":
      return {
        code: "SYSTEM_CALL",
        exitCode: 126,
        message: `${what}: its arguments and environment are too large`,
        hint: "The kernel takes 128 KiB for each, and a quarter of the stack limit (ulimit -s) for all.",
      };
    default:
      return undefined;
  }
};

const nameTaken: Rule = ({ operation, failure, program }) => {
  if (operation.name !== "symlinkat" || failure.errno !== "EEXIST") return undefined;
  if (processOf(program, failure.step) !== "executor") return undefined;
  const name = String(operation.arguments[2]).split("/").at(-1);
  return {
    code: "NAME_IN_USE",
    message: `the name ${JSON.stringify(name)} is in use by another container`,
    hint: `Choose another --name, or end that one with: sampan kill ${name}`,
  };
};

const namespaceRefused: Rule = ({ operation, failure }) => {
  if (operation.name !== "fork") return undefined;
  const flags = Number(operation.arguments[0]);
  const user = (flags & CLONE.CLONE_NEWUSER) !== 0;
  const message = `cannot make the container's namespaces: ${failure.errno}`;
  if (failure.errno === "ENOSPC") {
    const hint =
      "The limit is reached or set to 0: raise user.max_user_namespaces and its siblings (sysctl -a | grep max_.*_namespaces).";
    return { code: "NAMESPACE_UNAVAILABLE", message, hint };
  }
  if (failure.errno === "EPERM" || failure.errno === "EACCES") {
    const hint = user
      ? "User namespaces are not allowed for this user: set kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0 where they exist, or run as root."
      : "It takes CAP_SYS_ADMIN, which this process does not have: run as root outside of other containers, or add user to --isolate.";
    return { code: "NAMESPACE_UNAVAILABLE", message, hint };
  }
  return failure.errno === "EAGAIN"
    ? { code: "SYSTEM_CALL", message, hint: "The limit of processes is reached (ulimit -u, pids controller)." }
    : undefined;
};

const mapRefused: Rule = ({ operation, failure, program }) => {
  if (operation.name === "spawn") {
    const [helper = ""] = vectorOf(operation.arguments[0]);
    return {
      code: "ID_MAP",
      message: `${helper} refused the id map`,
      hint: "Its own message is above. Check that /etc/subuid and /etc/subgid grant this user a range, and that the helper is set-uid root.",
    };
  }
  const opened = program.operations[failure.step - 1];
  const path = opened?.name === "openat" ? opened.arguments[1] : operation.arguments[1];
  if (path !== "uid_map" && path !== "gid_map") return undefined;
  return {
    code: "ID_MAP",
    message: `the kernel refused the ${path}: ${failure.errno}`,
    hint: "Ranges may not overlap. An ordinary user may map only itself without newuidmap (package uidmap), and AppArmor may forbid user namespaces (kernel.apparmor_restrict_unprivileged_userns).",
  };
};

const CGROUP_PATH = /\/cgroup(\/|$)/;

const cgroupRefused: Rule = ({ operation, failure, program }) => {
  const opened = operation.name === "write" ? program.operations[failure.step - 1] : operation;
  const path = opened?.arguments[1];
  if (typeof path !== "string" || !CGROUP_PATH.test(path)) return undefined;
  const value = operation.name === "write" ? explainOperation(program, failure.step) : "";
  const option = /^(--[\w-]+(?: and --[\w-]+)*): /.exec(operation.why)?.[1];
  const hint: Partial<Record<string, string>> = {
    EINVAL: "The kernel does not take this value here.",
    EBUSY: "Other limits of the group or its parent contradict it.",
    EACCES: "This user may not write there.",
    EPERM: "This user may not write there.",
    ENOENT: "This kernel does not have it; `sampan doctor` lists the controllers.",
    ENOSPC: "There is no room for another group, or a cpuset has no CPUs or memory nodes.",
  };
  return {
    code: "CGROUP_FAILED",
    message: `${option ?? "a control group"} failed at ${path}: ${failure.errno}${value ? ` (${value})` : ""}`,
    hint: hint[failure.errno] ?? "`sampan doctor` says what this host can limit.",
  };
};

/** What a step prepares is named by the move_mount that follows it. */
function mountAhead({ program, failure }: Case): string | undefined {
  const ahead = program.operations.slice(failure.step, failure.step + 24);
  return ahead.find((op) => op.name === "move_mount")?.why;
}

const MOUNT_CALLS: ReadonlySet<string> = new Set([
  "fsopen",
  "fsconfig",
  "fsmount",
  "open_tree",
  "mount_setattr",
  "move_mount",
]);

const MOUNT_HINTS: Partial<Record<string, string>> = {
  EPERM:
    "In a user namespace the kernel allows it only when the host's own mount is not masked, and proc needs --pid private, sysfs --network private.",
  EACCES: "This user may not reach the source.",
  ENODEV: "This kernel does not have that file system.",
  EINVAL: "The kernel does not take these options, or the source lies in another mount namespace.",
  ENOENT: "The source is not there.",
};

const MOVE_HINTS: Partial<Record<string, string>> = {
  EINVAL: "The source is a file and the target a folder, or the other way round.",
  ENOTDIR: "The source is a file and the target a folder, or the other way round.",
  ELOOP: "The target lies in the source.",
};

const mountRefused: Rule = (failed) => {
  const { operation, failure } = failed;
  if (!MOUNT_CALLS.has(operation.name)) return undefined;
  const missing = operation.name === "open_tree" && failure.errno === "ENOENT";
  const hint = (operation.name === "move_mount" ? MOVE_HINTS[failure.errno] : undefined) ?? MOUNT_HINTS[failure.errno];
  return {
    code: missing ? "MOUNT_SOURCE_NOT_FOUND" : "MOUNT_FAILED",
    message: `cannot ${mountAhead(failed) ?? operation.why}: ${failure.errno}`,
    ...(hint ? { hint } : {}),
  };
};

const TARGET_CALLS: ReadonlySet<string> = new Set(["openat2", "mkdirat", "mknodat", "symlinkat"]);

const TARGET_HINTS: Partial<Record<string, string>> = {
  EROFS:
    "The root file system is read-only and has nothing there to mount on: make it in the image, or leave out --in-place.",
  ELOOP: "The image has a symbolic link there that leads in circles, or is a magic link.",
  ENOENT: "Nothing is there, or a symbolic link that leads nowhere.",
  ENOTDIR: "The image has a file where a folder belongs.",
  ENAMETOOLONG: "The kernel takes 255 bytes for a name and 4095 for a path.",
  EACCES: "The root file system does not let this user in there.",
  EEXIST: "Something else is there already.",
};

/** Paths are relative to a descriptor: of the root, or of our own mounts in it. */
function startOf(argument: Argument | undefined): string {
  const name = typeof argument === "object" && argument?.kind === "register" ? argument.name : "";
  return name === "dev" || name === "proc" ? `${name}/` : "";
}

const targetRefused: Rule = ({ operation, failure, program }) => {
  if (!TARGET_CALLS.has(operation.name) || processOf(program, failure.step) !== "container") return undefined;
  const path = `${startOf(operation.arguments[0])}${String(operation.arguments[operation.name === "symlinkat" ? 2 : 1])}`;
  return {
    code: "MOUNT_TARGET",
    message: `cannot ${/^make \/\S/.test(operation.why) ? operation.why : `open or make /${path}`} in the root file system: ${failure.errno}`,
    ...(TARGET_HINTS[failure.errno] ? { hint: TARGET_HINTS[failure.errno] as string } : {}),
  };
};

const copyRefused: Rule = ({ operation, failure }) => {
  const target = /^--copy to (.+): /.exec(operation.why)?.[1];
  if (target === undefined) return undefined;
  const hint = failure.errno === "EISDIR" ? "A folder is there: name the file in it." : TARGET_HINTS[failure.errno];
  return {
    code: "MOUNT_TARGET",
    message: `cannot copy a file to ${target}: ${failure.errno}`,
    ...(hint ? { hint } : {}),
  };
};

const limitRefused: Rule = ({ operation, failure }) => {
  if (operation.name !== "prlimit64") return undefined;
  const hint = "Only root with CAP_SYS_RESOURCE may raise a hard limit; `ulimit -Ha` shows the present ones.";
  return { code: "NOT_PERMITTED", message: `${operation.why} was refused: ${failure.errno}`, hint };
};

const WRITE_HINTS: Partial<Record<string, string>> = {
  "--cidfile EEXIST": "Remove the file that is there first.",
  "--cidfile ENOENT": "Its folder is not there.",
  "--pidfile ENOENT": "Its folder is not there.",
  "--oom-score-adj EACCES": "Only root with CAP_SYS_RESOURCE may go below the present value.",
  "--time-offset ERANGE": "The clock would stand before the boot, or too far in the future.",
  "--sysctl ENOENT": "This kernel, or this namespace, does not have that parameter.",
  "--sysctl EINVAL": "The kernel does not take this value.",
};

const writeRefused: Rule = ({ operation, failure }) => {
  const option = /^(--[\w-]+)/.exec(operation.why)?.[1];
  if (option === undefined) return undefined;
  const path = operation.name === "openat" ? ` (${String(operation.arguments[1])})` : "";
  const hint = WRITE_HINTS[`${option} ${failure.errno}`];
  return {
    code: "SYSTEM_CALL",
    message: `${operation.why} failed: ${failure.errno}${path}`,
    ...(hint ? { hint } : {}),
  };
};

/** The first rule that knows the case speaks. */
const RULES: readonly Rule[] = [
  execFailed,
  nameTaken,
  namespaceRefused,
  mapRefused,
  cgroupRefused,
  limitRefused,
  mountRefused,
  copyRefused,
  targetRefused,
  writeRefused,
];

function unknown({ program, operation, failure }: Case): Explanation {
  const call = explainOperation(program, failure.step);
  return { code: "SYSTEM_CALL", message: `${call} failed with ${failure.errno}; it was for: ${operation.why}` };
}

/**
 * Explains a failed step.
 *
 * @returns an error whose message ends in the step, such as `(step 31 of 84)`, unless the cause is the user's command
 */
export function explainFailure(program: Program, failure: Failure): SampanError {
  const operation = program.operations[failure.step];
  if (operation === undefined)
    return new SampanError("INTERNAL", `the executor failed at step ${failure.step}, which there is not`);
  const failed: Case = { program, operation, failure };
  const found =
    RULES.reduce<Explanation | undefined>((known, rule) => known ?? rule(failed), undefined) ?? unknown(failed);
  const count = program.operations.length;
  const plain = found.code === "NAME_IN_USE" || found.exitCode !== undefined;
  const details: ErrorDetails = {
    operation: operation.name,
    errno: failure.errno,
    step: { index: failure.step, count },
    hint: failure.errno === "EMFILE" ? "The limit of open files is reached: raise it with ulimit -n." : found.hint,
    exitCode: found.exitCode,
  };
  return new SampanError(
    found.code,
    plain ? found.message : `${found.message} (step ${failure.step} of ${count})`,
    details,
  );
}
