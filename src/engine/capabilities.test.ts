import { describe, expect, test } from "bun:test";
import { SampanError } from "../errors/index.ts";
import { CAPABILITIES, capabilityMask, DEFAULT_CAPABILITIES } from "../kernel/index.ts";
import { type CapabilityChoice, capabilitySets } from "./capabilities.ts";

const ALL = capabilityMask(CAPABILITIES);

function sets(choice: Partial<CapabilityChoice> = {}) {
  return capabilitySets({ add: [], drop: [], privileged: false, available: ALL, uid: 0, ...choice });
}

const bounding = (choice: Partial<CapabilityChoice>) => capabilityMask(sets(choice).bounding);

function refusal(choice: Partial<CapabilityChoice>): string[] {
  try {
    sets(choice);
  } catch (error) {
    if (error instanceof SampanError) return [error.code, error.message, error.hint ?? ""];
    throw error;
  }
  throw new Error("it was accepted");
}

describe("the sets", () => {
  test("of root are Docker's defaults: bounding, effective and permitted; nothing is inherited", () => {
    const { inheritable, ambient, ...own } = sets();
    for (const set of Object.values(own)) expect(capabilityMask(set)).toBe(capabilityMask(DEFAULT_CAPABILITIES));
    expect(Object.keys(own)).toEqual(["bounding", "effective", "permitted"]);
    expect([inheritable, ambient]).toEqual([[], []]);
  });

  test("of another user are bounding alone", () => {
    expect(sets({ uid: 1000 })).toMatchObject({ effective: [], permitted: [], inheritable: [], ambient: [] });
    expect(bounding({ uid: 1000 })).toBe(capabilityMask(DEFAULT_CAPABILITIES));
  });

  test("are in the kernel's order", () => {
    expect(sets({ drop: ["ALL"], add: ["BPF", "CHOWN"] }).bounding).toEqual(["CAP_CHOWN", "CAP_BPF"]);
  });
});

describe("names", () => {
  test.each(["CAP_NET_ADMIN", "NET_ADMIN", "net_admin", "cap_net_admin"])("may be written as %s", (name) => {
    expect(bounding({ drop: ["all"], add: [name] })).toBe(capabilityMask(["CAP_NET_ADMIN"]));
  });

  test.each(["FLY", "", "CAP_", "CAP_ALL"])("that there are not are refused: %j", (name) => {
    const hint = "capabilities(7) lists them; write them as CAP_NET_ADMIN or NET_ADMIN, or ALL.";
    expect(refusal({ add: [name] })).toEqual(["INVALID_VALUE", `there is no capability ${JSON.stringify(name)}`, hint]);
    expect(refusal({ drop: [name] })[0]).toBe("INVALID_VALUE");
  });
});

describe("--cap-add and --cap-drop", () => {
  const defaults = capabilityMask(DEFAULT_CAPABILITIES);
  test.each<readonly [title: string, Partial<CapabilityChoice>, bigint]>([
    ["one more", { add: ["SYS_TIME"] }, defaults | capabilityMask(["CAP_SYS_TIME"])],
    ["one less", { drop: ["CHOWN"] }, defaults & ~capabilityMask(["CAP_CHOWN"])],
    ["all", { add: ["ALL"] }, ALL],
    ["all but one", { add: ["ALL"], drop: ["SYS_ADMIN"] }, ALL & ~capabilityMask(["CAP_SYS_ADMIN"])],
    ["none", { drop: ["ALL"] }, 0n],
    ["none but one", { drop: ["ALL"], add: ["KILL"] }, capabilityMask(["CAP_KILL"])],
    ["added wins over dropped", { drop: ["KILL"], add: ["KILL"] }, defaults],
    ["--privileged is all", { privileged: true }, ALL],
    [
      "--privileged is all but what is dropped",
      { privileged: true, drop: ["KILL"] },
      ALL & ~capabilityMask(["CAP_KILL"]),
    ],
    ["--privileged and nothing", { privileged: true, drop: ["ALL"] }, 0n],
  ])("give %s", (_title, choice, expected) => {
    expect(bounding(choice)).toBe(expected);
  });
});

describe("what this process does not have", () => {
  const available = capabilityMask(["CAP_CHOWN", "CAP_KILL"]);

  test("is left out of the defaults, of ALL and of --privileged", () => {
    for (const choice of [{}, { add: ["ALL"] }, { privileged: true }])
      expect(bounding({ ...choice, available })).toBe(available);
  });

  test("cannot be added by name", () => {
    expect(refusal({ add: ["ALL", "net_admin"], available })).toEqual([
      "NOT_PERMITTED",
      "--cap-add CAP_NET_ADMIN: this process does not have that capability itself",
      "Run Sampan with it in its bounding set (see CapBnd in /proc/self/status), or leave it out.",
    ]);
  });
});
