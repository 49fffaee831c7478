/** What is made of the words of a command line. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SampanError } from "../errors/index.ts";
import { mergeEnvironment } from "./environment.ts";
import { chooseIsolations } from "./isolation.ts";
import { generateId, generateName } from "./names.ts";
import type { MountOption, RunOptions } from "./run-options.ts";
import type { ImageDefaults } from "./sources.ts";
import { commandLine, resourcesOf } from "./spec.ts";
import { checkSysctls } from "./sysctls.ts";
import { bindSource, userDevice, userMount } from "./user-mounts.ts";

function refusal(action: () => unknown): string[] {
  try {
    action();
  } catch (error) {
    if (error instanceof SampanError) return [error.code, error.message, error.hint ?? ""];
    throw error;
  }
  throw new Error("it was accepted");
}

describe("environments", () => {
  test("are merged: later entries win, and keep the place of the first", () => {
    expect(mergeEnvironment(["A=1", "B=2"], [], ["C=3", "A=4"])).toEqual(["A=4", "B=2", "C=3"]);
  });

  test("may hold empty values, equals signs in values, and names alone", () => {
    expect(mergeEnvironment(["A=", "B=x=y", "C"], ["A=1=2", "C=c"])).toEqual(["A=1=2", "B=x=y", "C=c"]);
    expect(mergeEnvironment(["A"], ["A"])).toEqual(["A"]);
  });

  test("tell names by case, and take any name", () => {
    expect(mergeEnvironment(["a=1", "A=2", "__proto__=3", "__proto__=4"])).toEqual(["a=1", "A=2", "__proto__=4"]);
  });
});

describe("the command", () => {
  const image: ImageDefaults = { env: [], entrypoint: ["/entry", "-e"], command: ["default"] };
  const line = (options: Omit<RunOptions, "source">, defaults?: ImageDefaults) =>
    commandLine({ source: "host", ...options }, defaults);

  test.each<readonly [string, Omit<RunOptions, "source">, ImageDefaults | undefined, string[]]>([
    ["is what is given", { command: ["ls", "-l"] }, undefined, ["ls", "-l"]],
    ["is the image's entry point and command", {}, image, ["/entry", "-e", "default"]],
    ["replaces the image's command, not its entry point", { command: ["x"] }, image, ["/entry", "-e", "x"]],
    ["loses the image's command with another entry point", { entrypoint: ["/other"] }, image, ["/other"]],
    ["follows another entry point", { entrypoint: ["/other"], command: ["x"] }, image, ["/other", "x"]],
    ["stands alone when the entry point is cleared", { entrypoint: [""], command: ["x"] }, image, ["x"]],
    ["may hold empty words", { command: ["x", ""] }, undefined, ["x", ""]],
  ])("%s", (_title, options, defaults, expected) => {
    expect(line(options, defaults)).toEqual(expected);
  });

  test("has to be something", () => {
    const expected = ["USAGE", "no command was given", "Say what to run after the source: sampan run host /bin/sh."];
    expect(refusal(() => line({}))).toEqual(expected);
    expect(refusal(() => line({ entrypoint: [""] }, image))).toEqual(expected);
  });
});

describe("--sysctl", () => {
  const all = chooseIsolations({ source: "host" }, 0);
  const none = chooseIsolations({ source: "host", isolate: [] }, 0);
  const check = (name: string, set = all) => checkSysctls({ [name]: "1" }, set);

  test.each([
    "net.ipv4.ip_forward",
    "net.ipv4.conf.eth0/1.forwarding",
    "net.core.somaxconn",
    "kernel.shmmax",
    "kernel.shm_rmid_forced",
    "kernel.msgmnb",
    "kernel.sem",
    "kernel.hostname",
    "fs.mqueue.msg_max",
  ])("sets %s, which belongs to a namespace", (name) => {
    expect(() => check(name)).not.toThrow();
  });

  test.each([
    "kernel.core_pattern",
    "kernel.shmmax.x",
    "vm.overcommit_memory",
    "fs.file-max",
    "net",
    "net.",
    "NET.ipv4.ip_forward",
    "net.ipv4..ip_forward",
    "net...kernel.core_pattern",
    "net./../kernel/core_pattern",
    "net.ipv4\nx",
    "",
    "kernel/shmmax",
  ])("refuses %j, which would change the host", (name) => {
    expect(refusal(() => check(name))).toEqual([
      "INVALID_VALUE",
      `--sysctl ${name} is not a parameter of a namespace: it would change the host`,
      "Allowed are kernel.msg*, kernel.sem, kernel.shm*, fs.mqueue.* and net.*.",
    ]);
  });

  test.each([
    ["net.core.somaxconn", "net"],
    ["kernel.sem", "ipc"],
    ["fs.mqueue.msg_max", "ipc"],
    ["kernel.domainname", "uts"],
  ])("refuses %s while the namespace is the host's", (name, isolation) => {
    expect(refusal(() => check(name, none))).toEqual([
      "INVALID_VALUE",
      `--sysctl ${name} would change the host, whose ${isolation} namespace is shared`,
      `Leave it out, or give the container its own ${isolation} namespace.`,
    ]);
  });
});

describe("names", () => {
  test("come from the id: a word for the water, a boat, and a piece of the id", () => {
    expect(generateName("5e9999")).toBe(generateName("5e9999abcdef"));
    for (let byte = 0; byte < 256; byte++)
      expect(generateName(`${byte.toString(16).padStart(2, "0")}beef`)).toMatch(/^[a-z]+-[a-z]+-beef$/);
  });

  test("differ with each of the first two digits", () => {
    const all = Array.from({ length: 256 }, (_, byte) => generateName(`${byte.toString(16).padStart(2, "0")}beef`));
    expect(new Set(all).size).toBe(256);
  });

  test("ids are 64 hexadecimal digits, and never the same", () => {
    const ids = Array.from({ length: 100 }, generateId);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(ids).size).toBe(100);
  });
});

describe("mounts of the user", () => {
  const options = (mount: Partial<MountOption>, privileged = false) =>
    userMount({ type: "bind", source: "/srv/a", target: "/b", ...mount }, privileged).options;

  test("are binds with all below, private, without devices", () => {
    expect(userMount({ type: "bind", source: "/srv/a", target: "/b" }, false)).toEqual({
      destination: "/b",
      type: "bind",
      source: "/srv/a",
      options: ["rnodev", "rbind", "rprivate"],
    });
  });

  test.each<readonly [Partial<MountOption>, string[]]>([
    [{ readOnly: true }, ["rnodev", "rbind", "rprivate", "ro"]],
    [{ readOnly: true, recursiveReadOnly: true }, ["rnodev", "rbind", "rprivate", "rro"]],
    [{ propagation: "slave" }, ["rnodev", "rbind", "slave"]],
    [{ nonRecursive: true }, ["nodev", "bind", "rprivate"]],
    [{ options: ["noexec", "dev"] }, ["rbind", "rprivate", "noexec", "dev"]],
  ])("take options: %j", (mount, expected) => {
    expect(options(mount)).toEqual(expected);
  });

  test("keep devices for privileged containers", () => {
    expect(options({}, true)).toEqual(["rbind", "rprivate"]);
  });

  test("in memory have Docker's flags, which give way to what was asked for", () => {
    const tmpfs = (mount: Partial<MountOption>) => userMount({ type: "tmpfs", target: "/t", ...mount }, false);
    expect(tmpfs({})).toEqual({
      destination: "/t",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "nodev", "noexec", "mode=1777"],
    });
    expect(tmpfs({ sizeBytes: 4096, mode: 0o750, readOnly: true, options: ["exec", "suid"] }).options).toEqual([
      "nodev",
      "ro",
      "size=4096",
      "mode=750",
      "exec",
      "suid",
    ]);
  });
});

describe("sources of mounts", () => {
  const folder = mkdtempSync(join(tmpdir(), "sampan-mounts-"));
  writeFileSync(join(folder, "file"), "");
  mkdirSync(join(folder, "sub"));

  test("are folders or files", () => {
    const kind = (name: string) => bindSource({ type: "bind", source: join(folder, name), target: "/x" }).kind;
    expect([kind("sub"), kind("file")]).toEqual(["directory", "file"]);
  });

  test("that are missing are made for -v alone", () => {
    const source = join(folder, "missing");
    expect(bindSource({ type: "bind", source, target: "/x", createSource: true })).toEqual({
      path: source,
      kind: "directory",
      missing: true,
    });
    expect(refusal(() => bindSource({ type: "bind", source, target: "/x" }))).toEqual([
      "MOUNT_SOURCE_NOT_FOUND",
      `the source of a mount, ${source}, does not exist`,
      "Make it first; -v makes a missing folder, --mount does not.",
    ]);
  });

  test("are removed when this test is over", () => {
    rmSync(folder, { recursive: true });
  });
});

describe("--device", () => {
  const device = (source: string, access = "rwm") => userDevice({ source, target: "/dev/x", access });

  test("takes the numbers and the mode of the host's node", () => {
    expect(device("/dev/null")).toMatchObject({ type: "c", path: "/dev/x", major: 1, minor: 3 });
    expect(device("/dev/null", "")).toEqual(device("/dev/null"));
  });

  test("takes devices alone", () => {
    expect(refusal(() => device("/nowhere"))).toEqual([
      "MOUNT_SOURCE_NOT_FOUND",
      "the device /nowhere does not exist",
      "",
    ]);
    expect(refusal(() => device("/etc"))).toEqual([
      "INVALID_VALUE",
      "/etc is no device",
      "Use -v for files and folders.",
    ]);
  });

  test("does not promise what it cannot hold", () => {
    expect(refusal(() => device("/dev/null", "r"))).toEqual([
      "INVALID_VALUE",
      '--device /dev/null: access "r" cannot be enforced',
      "It takes device rules, which are not there yet: leave the letters out, or set the file's mode with --user in mind.",
    ]);
  });
});

describe("resources", () => {
  test("are nothing when nothing is limited", () => {
    expect(resourcesOf({ source: "host" })).toBeUndefined();
    expect(resourcesOf({ source: "host", blockIo: { weight: 10 } })).toEqual({ blockIO: { weight: 10 } });
  });

  test("with too little memory for any program are refused", () => {
    const limited = (limit: number) => () => resourcesOf({ source: "host", resources: { memory: { limit } } });
    expect(refusal(limited(524_287))).toEqual([
      "INVALID_VALUE",
      "a memory limit of 524287 bytes is too small for any program",
      "Give at least 512k; a shell needs about 4m.",
    ]);
    expect(limited(524_288)()).toEqual({ memory: { limit: 524_288 } });
    expect(limited(-1)()).toEqual({ memory: { limit: -1 } });
  });
});
