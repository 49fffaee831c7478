import { describe, expect, test } from "bun:test";
import { AT_FDCWD, CLONE, FSCONFIG, MOVE_MOUNT, O } from "../kernel/index.ts";
import { type Program, ProgramBuilder } from "../program/index.ts";
import { explainFailure } from "./index.ts";

type Steps = (b: ProgramBuilder) => void;
type Where = "executor" | "container";

/** The program whose last step but one, made by `steps`, fails: in the executor, or in a container that it forks. */
function programOf(steps: Steps, where: Where): { readonly program: Program; readonly step: number } {
  const b = new ProgramBuilder("x64");
  const container = b.label("container");
  if (where === "container") {
    b.fork(container, "the container");
    b.exit(0, "the end");
    b.place(container);
  }
  steps(b);
  const step = b.step - 1;
  b.exit(0, "the end");
  return { program: b.build(), step };
}

interface Explained {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly exitCode?: number;
}

function explained(errno: string, steps: Steps, where: Where = "executor"): Explained {
  const { program, step } = programOf(steps, where);
  const { code, message, hint, exitCode } = explainFailure(program, { step, errno, detail: 0 });
  return { code, message, ...(hint ? { hint } : {}), ...(exitCode === 125 ? {} : { exitCode }) };
}

const vector = (...values: string[]) => ({ kind: "vector", values }) as const;

function exec(command: string, ...env: string[]): Steps {
  return (b) => b.control("exec", [vector("/bin/x"), vector(command, "-v"), vector(...env)], `run ${command}`);
}

describe("a command that cannot be executed", () => {
  const table: readonly (readonly [title: string, errno: string, steps: Steps, Explained])[] = [
    [
      "a bare name that no folder of PATH has",
      "ENOENT",
      exec("boat", "PATH=/old", "HOME=/", "PATH=/bin:/sbin"),
      {
        code: "COMMAND_NOT_FOUND",
        message: 'cannot run "boat": not found in the container',
        hint: "PATH is /bin:/sbin.",
        exitCode: 127,
      },
    ],
    [
      "a bare name without any PATH",
      "ENOENT",
      exec("boat"),
      {
        code: "COMMAND_NOT_FOUND",
        message: 'cannot run "boat": not found in the container',
        hint: "PATH is (unset).",
        exitCode: 127,
      },
    ],
    [
      "a path that is not there",
      "ENOENT",
      exec("/srv/boat"),
      {
        code: "COMMAND_NOT_FOUND",
        message: 'cannot run "/srv/boat": there is no such file in the container',
        hint: "If the file is there, the interpreter in its first line or its dynamic loader is missing.",
        exitCode: 127,
      },
    ],
    [
      "a path with a file in the middle",
      "ENOTDIR",
      exec("/etc/passwd/boat"),
      {
        code: "COMMAND_NOT_FOUND",
        message: 'cannot run "/etc/passwd/boat": there is no such file in the container',
        hint: "If the file is there, the interpreter in its first line or its dynamic loader is missing.",
        exitCode: 127,
      },
    ],
    [
      "a file without the x bit",
      "EACCES",
      exec("/srv/boat"),
      {
        code: "COMMAND_NOT_EXECUTABLE",
        message: 'cannot run "/srv/boat": it is not executable',
        hint: "Set its x bit (chmod +x), and look whether it is a folder or lies on a noexec mount.",
        exitCode: 126,
      },
    ],
    [
      "a file of another architecture",
      "ENOEXEC",
      exec("/srv/boat"),
      {
        code: "WRONG_ARCHITECTURE",
        message: 'cannot run "/srv/boat": it is no program for this machine',
        hint: "This is x86-64; the file is for another architecture, damaged, or a script without a #! line.",
        exitCode: 126,
      },
    ],
    [
      "is too large for the kernel",
      "E2BIG",
      exec("/srv/boat"),
      {
        code: "SYSTEM_CALL",
        exitCode: 126,
        message: 'cannot run "/srv/boat": its arguments and environment are too large',
        hint: "The kernel takes 128 KiB for each, and a quarter of the stack limit (ulimit -s) for all.",
      },
    ],
    [
      "anything else is told as it is",
      "EIO",
      exec("/srv/boat"),
      {
        code: "SYSTEM_CALL",
        message:
          'exec(["/bin/x"], ["/srv/boat", "-v"], [0 variables]) failed with EIO; it was for: run /srv/boat (step 0 of 2)',
      },
    ],
  ];
  test.each(table)("%s", (_title, errno, steps, expected) => {
    expect(explained(errno, steps)).toEqual(expected);
  });
});

describe("a name", () => {
  const takeName: Steps = (b) => b.call("symlinkat", ["c1 1 2", AT_FDCWD, "/run/sampan/names/skiff"], "take the name");

  test("that another container has is named, with the way to end that one", () => {
    expect(explained("EEXIST", takeName)).toEqual({
      code: "NAME_IN_USE",
      message: 'the name "skiff" is in use by another container',
      hint: "Choose another --name, or end that one with: sampan kill skiff",
    });
  });

  test("that cannot be taken for another reason is a failed call", () => {
    expect(explained("EROFS", takeName)).toEqual({
      code: "SYSTEM_CALL",
      message:
        'symlinkat("c1 1 2", AT_FDCWD, "/run/sampan/names/skiff") failed with EROFS; it was for: take the name (step 0 of 2)',
    });
  });
});

describe("namespaces", () => {
  const fork =
    (flags: number): Steps =>
    (b) => {
      const child = b.label("container");
      b.fork(child, "the container", { flags });
      b.exit(0, "the end");
      b.place(child);
    };
  /** The fork is the first step here. */
  const failed = (errno: string, flags: number) => {
    const { program } = programOf(fork(flags), "executor");
    const { code, message, hint } = explainFailure(program, { step: 0, errno, detail: 0 });
    return [code, message, hint];
  };

  test("need root, or a user namespace", () => {
    expect(failed("EPERM", CLONE.CLONE_NEWPID)).toEqual([
      "NAMESPACE_UNAVAILABLE",
      "cannot make the container's namespaces: EPERM (step 0 of 3)",
      "It takes CAP_SYS_ADMIN, which this process does not have: run as root outside of other containers, or add user to --isolate.",
    ]);
  });

  test("of a user may be switched off", () => {
    expect(failed("EACCES", CLONE.CLONE_NEWPID | CLONE.CLONE_NEWUSER)).toEqual([
      "NAMESPACE_UNAVAILABLE",
      "cannot make the container's namespaces: EACCES (step 0 of 3)",
      "User namespaces are not allowed for this user: set kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0 where they exist, or run as root.",
    ]);
  });

  test("have limits", () => {
    expect(failed("ENOSPC", CLONE.CLONE_NEWUSER)).toEqual([
      "NAMESPACE_UNAVAILABLE",
      "cannot make the container's namespaces: ENOSPC (step 0 of 3)",
      "The limit is reached or set to 0: raise user.max_user_namespaces and its siblings (sysctl -a | grep max_.*_namespaces).",
    ]);
  });

  test("need a process, and those have limits, too", () => {
    expect(failed("EAGAIN", 0)).toEqual([
      "SYSTEM_CALL",
      "cannot make the container's namespaces: EAGAIN (step 0 of 3)",
      "The limit of processes is reached (ulimit -u, pids controller).",
    ]);
  });

  test("fail in other ways as they do", () => {
    expect(failed("ENOMEM", CLONE.CLONE_NEWNET)).toEqual([
      "SYSTEM_CALL",
      "fork(CLONE_NEWNET, child=container at 2) failed with ENOMEM; it was for: the container (step 0 of 3)",
      undefined,
    ]);
  });
});

describe("id maps", () => {
  const hint =
    "Ranges may not overlap. An ordinary user may map only itself without newuidmap (package uidmap), and AppArmor may forbid user namespaces (kernel.apparmor_restrict_unprivileged_userns).";

  test("that a helper refused name the helper", () => {
    const steps: Steps = (b) => b.control("spawn", [vector("/usr/bin/newuidmap", "7", "0", "0", "1")], "ids");
    expect(explained("EPROTO", steps)).toEqual({
      code: "ID_MAP",
      message: "/usr/bin/newuidmap refused the id map (step 0 of 2)",
      hint: "Its own message is above. Check that /etc/subuid and /etc/subgid grant this user a range, and that the helper is set-uid root.",
    });
  });

  test("that the kernel refused name the file, at the open as at the write", () => {
    const open: Steps = (b) => b.call("openat", [AT_FDCWD, "uid_map", O.O_WRONLY, 0], "user ids");
    const write: Steps = (b) => {
      const fd = b.register("file");
      b.call("openat", [AT_FDCWD, "gid_map", O.O_WRONLY, 0], "group ids", { result: fd });
      b.call("write", [fd, "0 0 1\n", 6], "group ids");
    };
    expect(explained("EACCES", open)).toEqual({
      code: "ID_MAP",
      message: "the kernel refused the uid_map: EACCES (step 0 of 2)",
      hint,
    });
    expect(explained("EPERM", write)).toEqual({
      code: "ID_MAP",
      message: "the kernel refused the gid_map: EPERM (step 1 of 3)",
      hint,
    });
  });
});

describe("control groups", () => {
  const file = "/sys/fs/cgroup/memory/sampan-c1/memory.limit_in_bytes";
  const write =
    (why: string): Steps =>
    (b) => {
      const fd = b.register("file");
      b.call("openat", [AT_FDCWD, file, O.O_WRONLY, 0], why, { result: fd });
      b.call("write", [fd, { kind: "bytes", value: new TextEncoder().encode("4096") }, 4], why);
    };

  test.each([
    ["EINVAL", "The kernel does not take this value here."],
    ["EBUSY", "Other limits of the group or its parent contradict it."],
    ["EACCES", "This user may not write there."],
    ["EPERM", "This user may not write there."],
    ["ENOENT", "This kernel does not have it; `sampan doctor` lists the controllers."],
    ["ENOSPC", "There is no room for another group, or a cpuset has no CPUs or memory nodes."],
    ["EIO", "`sampan doctor` says what this host can limit."],
  ])("name the option, the file and the value: %s", (errno, hint) => {
    expect(explained(errno, write("--memory: memory, hard limit in bytes"))).toEqual({
      code: "CGROUP_FAILED",
      message: `--memory failed at ${file}: ${errno} (write(<file>, "4096", 4)) (step 1 of 3)`,
      hint,
    });
  });

  test("name both options when two ask for the same", () => {
    expect(explained("EINVAL", write("--cpus and --cpu-period: CPU")).message).toBe(
      `--cpus and --cpu-period failed at ${file}: EINVAL (write(<file>, "4096", 4)) (step 1 of 3)`,
    );
  });

  test("that no option asked for are control groups", () => {
    const steps: Steps = (b) => b.call("mkdirat", [AT_FDCWD, "/sys/fs/cgroup/sampan-c1", 0o755], "this group");
    expect(explained("EACCES", steps)).toEqual({
      code: "CGROUP_FAILED",
      message: "a control group failed at /sys/fs/cgroup/sampan-c1: EACCES (step 0 of 2)",
      hint: "This user may not write there.",
    });
  });
});

describe("limits of a process", () => {
  test("name the option", () => {
    const steps: Steps = (b) => b.call("prlimit64", [0, 7, null, null], "--ulimit nofile");
    expect(explained("EPERM", steps, "container")).toEqual({
      code: "NOT_PERMITTED",
      message: "--ulimit nofile was refused: EPERM (step 2 of 4)",
      hint: "Only root with CAP_SYS_RESOURCE may raise a hard limit; `ulimit -Ha` shows the present ones.",
    });
  });
});

describe("mounts", () => {
  const EMPTY = MOVE_MOUNT.MOVE_MOUNT_F_EMPTY_PATH;
  const prepare: Steps = (b) => b.call("fsopen", ["proc", 1], "a new proc");
  /** The failing step is the first one. */
  const failed = (errno: string, first: Steps = prepare) => {
    const { program } = programOf((b) => {
      first(b);
      const fd = b.register("mount");
      b.call("fsconfig", [3, FSCONFIG.FSCONFIG_CMD_CREATE, null, null, 0], "make it");
      b.call("fsmount", [3, 1, 0], "a mount", { result: fd });
      b.call("move_mount", [fd, "", 4, "", EMPTY], "mount proc on /proc");
    }, "container");
    const { code, message, hint } = explainFailure(program, { step: 2, errno, detail: 0 });
    return [code, message, hint];
  };

  test.each([
    [
      "EPERM",
      "In a user namespace the kernel allows it only when the host's own mount is not masked, and proc needs --pid private, sysfs --network private.",
    ],
    ["EACCES", "This user may not reach the source."],
    ["ENODEV", "This kernel does not have that file system."],
    ["EINVAL", "The kernel does not take these options, or the source lies in another mount namespace."],
    ["ENOENT", "The source is not there."],
    ["ENOMEM", undefined],
  ])("are named by where they go, whichever of their steps fails: %s", (errno, hint) => {
    expect(failed(errno)).toEqual(["MOUNT_FAILED", `cannot mount proc on /proc: ${errno} (step 2 of 7)`, hint]);
  });

  test("whose source is missing say so", () => {
    const steps: Steps = (b) => b.call("open_tree", [AT_FDCWD, "/srv/data", 1], "a copy of the mount at /srv/data");
    expect(failed("ENOENT", steps)).toEqual([
      "MOUNT_SOURCE_NOT_FOUND",
      "cannot mount proc on /proc: ENOENT (step 2 of 7)",
      "The source is not there.",
    ]);
  });

  test.each([
    ["EINVAL", "The source is a file and the target a folder, or the other way round."],
    ["ENOTDIR", "The source is a file and the target a folder, or the other way round."],
    ["ELOOP", "The target lies in the source."],
  ])("that cannot be moved to their place: %s", (errno, hint) => {
    const steps: Steps = (b) => b.call("move_mount", [3, "", 4, "", EMPTY], "mount /srv/data on /data");
    expect(explained(errno, steps, "container")).toEqual({
      code: "MOUNT_FAILED",
      message: `cannot mount /srv/data on /data: ${errno} (step 2 of 4)`,
      hint,
    });
  });

  test("without a place ahead are told by what the step was for", () => {
    const steps: Steps = (b) => b.call("mount_setattr", [3, "", 0, null, 32], "make it read-only");
    expect(explained("EINVAL", steps).message).toBe("cannot make it read-only: EINVAL (step 0 of 2)");
  });
});

describe("targets in the root file system", () => {
  test.each([
    [
      "EROFS",
      "The root file system is read-only and has nothing there to mount on: make it in the image, or leave out --in-place.",
    ],
    ["ELOOP", "The image has a symbolic link there that leads in circles, or is a magic link."],
    ["ENOENT", "Nothing is there, or a symbolic link that leads nowhere."],
    ["ENOTDIR", "The image has a file where a folder belongs."],
    ["ENAMETOOLONG", "The kernel takes 255 bytes for a name and 4095 for a path."],
    ["EACCES", "The root file system does not let this user in there."],
    ["EEXIST", "Something else is there already."],
    ["EIO", undefined],
  ])("say what the image has there: %s", (errno, hint) => {
    const steps: Steps = (b) => b.call("mknodat", [3, "data/file", 0o100644, 0], "a place");
    expect(explained(errno, steps, "container")).toEqual({
      code: "MOUNT_TARGET",
      message: `cannot open or make /data/file in the root file system: ${errno} (step 2 of 4)`,
      ...(hint ? { hint } : {}),
    });
  });

  test("are called by their whole path where the step says it", () => {
    const steps: Steps = (b) => b.call("mkdirat", [3, "c", 0o755], "make /a/b/c");
    expect(explained("ENOTDIR", steps, "container").message).toBe(
      "cannot make /a/b/c in the root file system: ENOTDIR (step 2 of 4)",
    );
  });

  test("may be symbolic links", () => {
    const steps: Steps = (b) => b.call("symlinkat", ["usr/bin", 3, "bin"], "/bin is a link");
    expect(explained("EEXIST", steps, "container")).toEqual({
      code: "MOUNT_TARGET",
      message: "cannot open or make /bin in the root file system: EEXIST (step 2 of 4)",
      hint: "Something else is there already.",
    });
  });

  test("are those of the container alone", () => {
    const steps: Steps = (b) => b.call("mkdirat", [AT_FDCWD, "/run/x", 0o700], "the record");
    expect(explained("ENOSPC", steps)).toEqual({
      code: "SYSTEM_CALL",
      message: 'mkdirat(AT_FDCWD, "/run/x", 0700) failed with ENOSPC; it was for: the record (step 0 of 2)',
    });
  });
});

describe("files that are written for an option", () => {
  const cidFile: Steps = (b) => b.call("openat", [AT_FDCWD, "/srv/cid", O.O_WRONLY | O.O_CREAT, 0o644], "--cidfile");

  test("name the option and the file", () => {
    expect(explained("ENOENT", cidFile)).toEqual({
      code: "SYSTEM_CALL",
      message: "--cidfile failed: ENOENT (/srv/cid) (step 0 of 2)",
      hint: "Its folder is not there.",
    });
  });

  test("are not overwritten", () => {
    expect(explained("EEXIST", cidFile)).toEqual({
      code: "SYSTEM_CALL",
      message: "--cidfile failed: EEXIST (/srv/cid) (step 0 of 2)",
      hint: "Remove the file that is there first.",
    });
  });

  test("may refuse what is written", () => {
    const steps: Steps = (b) => b.call("write", [3, "9", 1], "--sysctl net.ipv4.ip_forward");
    expect(explained("EINVAL", steps, "container")).toEqual({
      code: "SYSTEM_CALL",
      message: "--sysctl net.ipv4.ip_forward failed: EINVAL (step 2 of 4)",
      hint: "The kernel does not take this value.",
    });
  });

  test("of --copy name the target", () => {
    const steps: Steps = (b) => b.call("openat", [3, "hello", O.O_WRONLY, 0o755], "--copy to /bin/hello: make it");
    expect(explained("EISDIR", steps, "container")).toEqual({
      code: "MOUNT_TARGET",
      message: "cannot copy a file to /bin/hello: EISDIR (step 2 of 4)",
      hint: "A folder is there: name the file in it.",
    });
    expect(explained("EROFS", steps, "container").hint).toBe(
      "The root file system is read-only and has nothing there to mount on: make it in the image, or leave out --in-place.",
    );
    expect(explained("EIO", steps, "container").hint).toBeUndefined();
  });
});

describe("every error", () => {
  test("carries the call, the error and the step as values", () => {
    const { program, step } = programOf((b) => b.call("chdir", ["/srv"], "go there"), "executor");
    expect(explainFailure(program, { step, errno: "ENOENT", detail: 0 }).details).toEqual({
      operation: "chdir",
      errno: "ENOENT",
      step: { index: 0, count: 2 },
      hint: undefined,
      exitCode: undefined,
    });
  });

  test("about a step that the program does not have is an internal one", () => {
    const { program } = programOf(() => undefined, "executor");
    const { code, message } = explainFailure(program, { step: 9, errno: "EPERM", detail: 0 });
    expect([code, message]).toEqual(["INTERNAL", "the executor failed at step 9, which there is not"]);
  });
});
