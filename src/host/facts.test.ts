import { describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { release } from "node:os";
import { parseSubordinateIds, processStartTime, readHostFacts } from "./index.ts";

describe("the facts about this host", () => {
  const facts = readHostFacts();
  const status = readFileSync("/proc/self/status", "latin1");
  const mask = (field: string) => BigInt(`0x${new RegExp(`^${field}:\\t(\\w+)$`, "m").exec(status)?.[1]}`);

  test("are this process's ids, the kernel's version and the architecture", () => {
    expect([facts.uid, facts.gid]).toEqual([process.geteuid?.() ?? -1, process.getegid?.() ?? -1]);
    expect(release().startsWith(`${facts.kernel[0]}.${facts.kernel[1]}`)).toBe(true);
    expect(facts.architecture).toBe(process.arch === "arm64" ? "arm64" : "x64");
  });

  test("are its capabilities, all bits of them", () => {
    expect(facts.capabilities).toBe(mask("CapEff"));
    expect(facts.bounding).toBe(mask("CapBnd"));
    expect(facts.lastCapability).toBe(Number(readFileSync("/proc/sys/kernel/cap_last_cap", "latin1")));
  });
});

describe("subordinate ids", () => {
  const text = "boat:100000:65536\n1000:300000:10\nother:5:5\nboat:200000:1\n";

  test("are the ranges of a name and of a number, in the order of the file", () => {
    expect(parseSubordinateIds(text, ["1000", "boat"])).toEqual([
      { start: 100_000, count: 65_536 },
      { start: 300_000, count: 10 },
      { start: 200_000, count: 1 },
    ]);
    expect(parseSubordinateIds(text, ["nobody"])).toEqual([]);
    expect(parseSubordinateIds("", ["boat"])).toEqual([]);
  });

  test("that are malformed or empty count for nothing", () => {
    const lines = [
      "boat",
      "boat:",
      "boat:x:y",
      "boat:1:0",
      "boat:1:-5",
      "boat:1.5:2",
      "boat:-1:2",
      "boat::7",
      "boat:7:",
    ];
    expect(parseSubordinateIds([...lines, "#boat:1:1", " boat:1:1", "boat:8:9"].join("\n"), ["boat"])).toEqual([
      { start: 8, count: 9 },
    ]);
  });
});

describe("the start of a process", () => {
  test("is a number of clock ticks that does not change", () => {
    const start = processStartTime(process.pid);
    expect(start).toMatch(/^\d+$/);
    expect(processStartTime("self")).toBe(start ?? "");
  });

  test("is not there without the process", () => {
    const { pid } = spawnSync("true");
    expect(processStartTime(pid)).toBeUndefined();
    expect(processStartTime(2 ** 31 - 1)).toBeUndefined();
  });

  test("is found behind any name that a process gives itself", async () => {
    const child = spawn("sh", ["-c", "printf 'a) Z 1 (' > /proc/$$/comm; echo ready; read -r line"]);
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const pid = child.pid ?? 0;
    expect(readFileSync(`/proc/${pid}/stat`, "latin1")).toContain("(a) Z 1 ()");
    expect(Number(processStartTime(pid))).toBeGreaterThanOrEqual(Number(processStartTime("self")));
    child.stdin.end();
  });
});
