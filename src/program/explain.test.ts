import { describe, expect, test } from "bun:test";
import { SampanError } from "../errors/index.ts";
import {
  AT_FDCWD,
  CAPABILITIES,
  capData,
  capHeader,
  deviceNumber,
  gidList,
  IOCTL,
  ifreqFlags,
  mountAttr,
  openHow,
  PR,
  rlimit64,
} from "../kernel/index.ts";
import {
  type Architecture,
  type Bytes,
  type CallArguments,
  type CallName,
  explain,
  explainJson,
  explainOperation,
  type Program,
  ProgramBuilder,
} from "./index.ts";

const bytes = (value: Uint8Array): Bytes => ({ kind: "bytes", value });

/** One call as `explainOperation` prints it. */
function call<N extends CallName>(name: N, args: CallArguments<N>, architecture: Architecture = "x64"): string {
  const b = new ProgramBuilder(architecture);
  b.call(name, args, "");
  b.exit(0, "");
  return explainOperation(b.build(), 0);
}

function sample(): Program {
  const b = new ProgramBuilder("x64");
  const [pid, pidfd, read, write, status] = ["container", "pidfd", "read", "write", "status"].map((name) =>
    b.register(name),
  ) as [ReturnType<typeof b.register>, ...ReturnType<typeof b.register>[]];
  const pair = b.buffer("pair", 8);
  const [child, janitor] = [b.label("container"), b.label("janitor")];
  if (!pidfd || !read || !write || !status) throw new Error("five registers");
  const loads = [
    { buffer: pair, at: 4, register: write },
    { buffer: pair, at: 0, register: read },
  ];
  b.call("pipe2", [pair, 0o2000000], "a pipe between the two", { loads });
  b.fork(janitor, "cleans up", { janitor: true });
  b.fork(child, "the container itself", { flags: 0x2002_0000, pidfd, cgroup: pidfd, result: pid });
  b.call("mkdirat", [AT_FDCWD, "/run/x", 0o755], "a folder", { accepts: ["EEXIST"] });
  b.control("supervise", [pid, 6, -1, ""], "", { result: status });
  b.finally();
  b.call("close", [write], "let go\nof it", { when: write, goOn: true });
  b.call("unlinkat", [AT_FDCWD, "/run/x", 0x200], "remove the folder", {
    unless: status,
    accepts: ["ENOENT", "EIO"],
    retryBusy: true,
  });
  b.exit(status, "with its status");
  b.place(child);
  const list = (...values: string[]) => ({ kind: "vector", values }) as const;
  b.control("exec", [list("/bin/sh"), list("sh", "-c", "a\tb"), list("TOKEN=secret", "B=2")], "run sh");
  b.exit(127, "not reached");
  b.place(janitor);
  b.control("janitor", [read], "wait for the end");
  b.exit(0, "");
  return b.build();
}

describe("explain", () => {
  test("prints a heading for every process and a numbered line for every call", () => {
    expect(explain(sample())).toBe(
      `\
executor:
   0  pipe2([<read>, <write>], O_CLOEXEC)                     # a pipe between the two
   1  fork(0, child=janitor at 10, role=janitor)              # cleans up
   2  fork(CLONE_NEWNS|CLONE_NEWPID, child=container at 8, cgroup=<pidfd>, pidfd=<pidfd>) = <container>  # the container itself
   3  mkdirat(AT_FDCWD, "/run/x", 0755) (EEXIST is fine)      # a folder
   4  supervise(<container>, input|kill-orphans, -1, "") = <status>

executor, finally:
   5  close(<write>) if <write> (or go on)                    # let go\\nof it
   6  unlinkat(AT_FDCWD, "/run/x", AT_REMOVEDIR) unless <status> (ENOENT, EIO are fine) (again while EBUSY)  # remove the folder
   7  exit(<status>)                                          # with its status

container:
   8  exec(["/bin/sh"], ["sh", "-c", "a\\tb"], [2 variables])  # run sh
   9  exit(127)                                               # not reached

janitor:
  10  janitor(<read>)                                         # wait for the end
  11  exit(0)
`,
    );
  });

  test("puts the comments of short programs close by", () => {
    const b = new ProgramBuilder("x64");
    b.call("chdir", ["/"], "the root");
    b.exit(0, "done");
    expect(explain(b.build())).toBe(`\
executor:
  0  chdir("/")  # the root
  1  exit(0)     # done
`);
  });
});

describe("structures are told by meaning", () => {
  test("struct open_how of openat2, without its size", () => {
    const how = bytes(openHow(0o12200000, 0, 0x12));
    const text = "{flags=O_DIRECTORY|O_CLOEXEC|O_PATH, resolve=RESOLVE_NO_MAGICLINKS|RESOLVE_IN_ROOT}";
    expect(call("openat2", [AT_FDCWD, "etc", how, 24])).toBe(`openat2(AT_FDCWD, "etc", ${text})`);
    const create = bytes(openHow(0o101, 0o644, 0));
    expect(call("openat2", [5, "x", create, 24])).toBe('openat2(5, "x", {flags=O_WRONLY|O_CREAT, mode=0644})');
    expect(call("openat2", [5, "x", bytes(openHow(0, 0, 0)), 32])).toBe('openat2(5, "x", {flags=O_RDONLY}, 32)');
  });

  test("struct mount_attr of mount_setattr, with the user namespace's register", () => {
    const b = new ProgramBuilder("x64");
    const [proc, userns] = [b.register("proc"), b.register("userns")];
    b.call("mount_setattr", [proc, "", 0x1000, bytes(mountAttr(1, 0, 0)), 32], "");
    const fills = [{ at: 24, register: userns, as: "u64" }] as const;
    b.call("mount_setattr", [proc, "", 0x9000, { ...bytes(mountAttr(0x100000, 0x70, 1 << 18)), fills }, 32], "");
    b.exit(0, "");
    const program = b.build();
    expect(explainOperation(program, 0)).toBe('mount_setattr(<proc>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY})');
    expect(explainOperation(program, 1)).toBe(
      'mount_setattr(<proc>, "", AT_EMPTY_PATH|AT_RECURSIVE, {attr_set=MOUNT_ATTR_IDMAP, ' +
        "attr_clr=MOUNT_ATTR__ATIME, propagation=MS_PRIVATE, userns_fd=<userns>})",
    );
  });

  test("capability sets, those that are equal once", () => {
    const header = bytes(capHeader());
    const print = (...sets: [readonly string[], readonly string[], readonly string[]]) =>
      call("capset", [header, bytes(capData(...sets))]).replace("capset({version=3, pid=0}, ", "");
    expect(print(["CAP_CHOWN"], ["CAP_CHOWN", "CAP_BPF"], [])).toBe(
      "{effective=CAP_CHOWN, permitted=CAP_CHOWN|CAP_BPF, inheritable=0})",
    );
    expect(print(CAPABILITIES, CAPABILITIES, [])).toBe("{effective=permitted=all, inheritable=0})");
    expect(print(CAPABILITIES.slice(1), [], [])).toBe("{effective=all but CAP_CHOWN, permitted=inheritable=0})");
  });

  test("limits", () => {
    const limit = bytes(rlimit64(1024n, undefined));
    expect(call("prlimit64", [0, 7, limit, null])).toBe(
      "prlimit64(0, RLIMIT_NOFILE, {rlim_cur=1024, rlim_max=RLIM_INFINITY}, NULL)",
    );
  });

  test("what ioctl takes, by its request", () => {
    expect(call("ioctl", [3, IOCTL.SIOCSIFFLAGS, bytes(ifreqFlags("lo", 0x41))])).toBe(
      'ioctl(3, SIOCSIFFLAGS, {ifr_name="lo", ifr_flags=IFF_UP|IFF_RUNNING})',
    );
    const size = bytes(Uint8Array.of(24, 0, 80, 0, 0, 0, 0, 0));
    expect(call("ioctl", [3, IOCTL.TIOCSWINSZ, size])).toBe("ioctl(3, TIOCSWINSZ, {ws_row=24, ws_col=80})");
    expect(call("ioctl", [3, IOCTL.TIOCSPTLCK, bytes(new Uint8Array(4))])).toBe("ioctl(3, TIOCSPTLCK, [0])");
    expect(call("ioctl", [3, IOCTL.TIOCSCTTY, 0])).toBe("ioctl(3, TIOCSCTTY, 0)");
  });

  test("groups", () => {
    expect(call("setgroups", [2, bytes(gidList([27, 1000]))])).toBe("setgroups(2, [27, 1000])");
    expect(call("setgroups", [0, bytes(gidList([]))])).toBe("setgroups(0, [])");
    expect(call("setgroups", [0, null])).toBe("setgroups(0, NULL)");
  });

  test("unless they are of another size, which is shown as bytes", () => {
    expect(call("openat2", [5, "x", bytes(Uint8Array.of(1, 2)), 2])).toBe('openat2(5, "x", [01 02])');
    expect(call("prlimit64", [0, 7, bytes(Uint8Array.of(255)), null])).toBe("prlimit64(0, RLIMIT_NOFILE, [ff], NULL)");
  });
});

describe("numbers are told in words", () => {
  const cases: readonly [string, string][] = [
    [call("openat", [AT_FDCWD, "/", 0, 0]), 'openat(AT_FDCWD, "/", O_RDONLY)'],
    [call("openat", [3, "a", 0o2000101, 0o600]), 'openat(3, "a", O_WRONLY|O_CREAT|O_CLOEXEC, 0600)'],
    [call("openat", [3, "a", 0o10040000, 0], "arm64"), 'openat(3, "a", O_DIRECTORY|O_PATH)'],
    [call("mount", [null, "/", null, 0x44000, null]), 'mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL)'],
    [call("mknodat", [3, "null", 0o20666, deviceNumber(1, 3)]), 'mknodat(3, "null", S_IFCHR|0666, makedev(1, 3))'],
    [call("mknodat", [3, "f", 0o10000, 0]), 'mknodat(3, "f", S_IFIFO|0, 0)'],
    [
      call("mknodat", [3, "b", 0o60600, deviceNumber(259, 70000)]),
      'mknodat(3, "b", S_IFBLK|0600, makedev(259, 70000))',
    ],
    [call("socket", [2, 0o2000002, 0]), "socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, 0)"],
    [call("socket", [1, 5, 0]), "socket(AF_UNIX, SOCK_SEQPACKET, 0)"],
    [call("prctl", [PR.PR_SET_PDEATHSIG, 9, 0, 0, 0]), "prctl(PR_SET_PDEATHSIG, SIGKILL)"],
    [call("prctl", [PR.PR_CAPBSET_DROP, 21, 0, 0, 0]), "prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN)"],
    [call("prctl", [PR.PR_CAPBSET_DROP, 63, 0, 0, 0]), "prctl(PR_CAPBSET_DROP, 63)"],
    [call("prctl", [PR.PR_CAP_AMBIENT, 2, 5, 0, 0]), "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL)"],
    [call("prctl", [PR.PR_SET_SECUREBITS, 3, 0, 0, 0]), "prctl(PR_SET_SECUREBITS, SECBIT_NOROOT|SECBIT_NOROOT_LOCKED)"],
    [call("prctl", [PR.PR_SET_KEEPCAPS, 0, 0, 0, 0]), "prctl(PR_SET_KEEPCAPS, 0)"],
    [call("prctl", [PR.PR_SET_NAME, "box", 0, 0, 0]), 'prctl(PR_SET_NAME, "box")'],
    [call("close_range", [3, 0xffff_ffff, 4]), "close_range(3, ~0, CLOSE_RANGE_CLOEXEC)"],
    [call("fcntl", [3, 2, 1]), "fcntl(3, F_SETFD, FD_CLOEXEC)"],
    [call("flock", [3, 6]), "flock(3, LOCK_EX|LOCK_NB)"],
    [call("faccessat", [3, "x", 0]), 'faccessat(3, "x", F_OK)'],
    [call("keyctl", [1, "session"]), 'keyctl(KEYCTL_JOIN_SESSION_KEYRING, "session")'],
    [call("open_tree", [3, "", 0x2001001]), 'open_tree(3, "", OPEN_TREE_CLONE|AT_EMPTY_PATH|0x2000000)'],
    [call("setns", [3, 0x80]), "setns(3, CLONE_NEWTIME)"],
    [call("setresuid", [-1, 0, 1000]), "setresuid(-1, 0, 1000)"],
    [call("umask", [0o22]), "umask(022)"],
    [call("fsmount", [3, 1, 0x70]), "fsmount(3, FSMOUNT_CLOEXEC, MOUNT_ATTR__ATIME)"],
    [call("pidfd_send_signal", [3, 9, null, 0]), "pidfd_send_signal(3, SIGKILL, NULL, 0)"],
    [call("wait4", [-1, null, 1, null]), "wait4(-1, NULL, WNOHANG, NULL)"],
    [call("renameat2", [3, "a", 4, "b", 1]), 'renameat2(3, "a", 4, "b", RENAME_NOREPLACE)'],
  ];
  for (const [actual, expected] of cases)
    test(expected, () => {
      expect(actual).toBe(expected);
    });
});

describe("strings and bytes", () => {
  test("are shortened in the middle when they are long", () => {
    const path = `/var/lib/sampan/layers/${"0123456789".repeat(8)}/merged/etc/passwd`;
    expect(call("chdir", [path])).toBe('chdir("/var/lib/sampan/layers/012345678901234567890…89/merged/etc/passwd")');
  });

  test("cannot act on a terminal", () => {
    expect(call("chdir", ['\u001b[2J\u009b\u202e\n"\\'])).toBe('chdir("\\u001b[2J\\u009b\\u202e\\n\\"\\\\")');
    const b = new ProgramBuilder("x64");
    b.call("close", [b.register("\u001b[31m")], "\u0007bell");
    b.exit(0, "");
    expect(explain(b.build())).toContain("  0  close(<\\u001b[31m>)  # \\u0007bell\n");
  });

  test("are text when bytes are text, and hexadecimal otherwise", () => {
    expect(call("write", [1, bytes(new TextEncoder().encode("0 1000 1\n")), 9])).toBe('write(1, "0 1000 1\\n", 9)');
    expect(call("write", [1, bytes(new Uint8Array(20)), 20])).toBe(`write(1, [${"00 ".repeat(15)}00 … 20 bytes], 20)`);
  });

  test("name the registers that are filled in", () => {
    const b = new ProgramBuilder("x64");
    const pid = b.register("pid");
    b.call("chdir", [b.text("/proc/", pid)], "");
    const fills = [{ at: 1, register: pid, as: "u32" }] as const;
    b.call("write", [1, { kind: "bytes", value: new Uint8Array(5), fills }, 5], "");
    b.exit(0, "");
    expect(explainOperation(b.build(), 0)).toBe('chdir("/proc/<pid>")');
    expect(explainOperation(b.build(), 1)).toBe("write(1, [00 00 00 00 00, <pid> at 1], 5)");
  });

  test("are printed by their label when they have one", () => {
    expect(call("write", [1, { ...bytes(new Uint8Array(9)), label: "the seccomp filter" }, 9])).toBe(
      "write(1, the seccomp filter, 9)",
    );
  });

  test("of long lists are counted", () => {
    const b = new ProgramBuilder("x64");
    b.control("spawn", [{ kind: "vector", values: [..."abcdefgh"] }], "");
    b.exit(0, "");
    expect(explainOperation(b.build(), 0)).toBe('spawn(["a", "b", "c", "d", "e", … 3 more])');
  });

  test("in memory that outlives the call go by the buffer's name", () => {
    const b = new ProgramBuilder("x64");
    b.call("read", [0, b.buffer("memory.events", 64), 64], "");
    b.exit(0, "");
    expect(explainOperation(b.build(), 0)).toBe("read(0, &memory.events, 64)");
  });
});

test("explainOperation refuses a step that does not exist", () => {
  expect(() => explainOperation(sample(), 12)).toThrow(
    new SampanError("INTERNAL", "there is no step 12: the program has 12"),
  );
});

describe("explainJson", () => {
  test("says the same in plain objects, without shortening", () => {
    const steps = explainJson(sample());
    expect(JSON.parse(JSON.stringify(steps))).toEqual(steps);
    expect(steps[0]).toEqual({
      step: 0,
      process: "executor",
      call: "pipe2",
      arguments: ["[<read>, <write>]", "O_CLOEXEC"],
      text: "pipe2([<read>, <write>], O_CLOEXEC)",
      why: "a pipe between the two",
      loads: ["write", "read"],
    });
    expect(steps[6]).toEqual({
      step: 6,
      process: "executor",
      call: "unlinkat",
      arguments: ["AT_FDCWD", '"/run/x"', "AT_REMOVEDIR"],
      text: 'unlinkat(AT_FDCWD, "/run/x", AT_REMOVEDIR)',
      why: "remove the folder",
      unless: "status",
      accepts: ["ENOENT", "EIO"],
      retryBusy: true,
      finally: true,
    });
    expect(steps[8]?.process).toBe("container");
    expect(steps[8]?.arguments[2]).toBe('["TOKEN=secret", "B=2"]');
    expect(steps[8]?.finally).toBeUndefined();
  });
});
