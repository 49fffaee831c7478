import { describe, expect, test } from "bun:test";
import { chooseIdMaps, isMapped } from "./id-maps.ts";
import type { IdMapOption } from "./run-options.ts";

/** A user that has no subordinate ids anywhere. */
const NOBODY = 61_234;
const map = (container: number, host: number, size: number): IdMapOption => ({ container, host, size });
const mapping = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size });

describe("root's user namespaces", () => {
  test("have a range in which no account of the host lies", () => {
    const range = [mapping(0, 524_288, 65_536)];
    expect(chooseIdMaps({ source: "host" }, 0, 0)).toEqual({
      uidMappings: range,
      gidMappings: range,
      mapper: { kind: "direct", denySetgroups: false },
    });
  });

  test("have the maps that were given, one for both when there is one", () => {
    const both = chooseIdMaps({ source: "host", uidMap: [map(0, 100_000, 10), map(10, 0, 1)] }, 0, 0);
    expect(both.uidMappings).toEqual([mapping(0, 100_000, 10), mapping(10, 0, 1)]);
    expect(both.gidMappings).toEqual(both.uidMappings);
    const each = chooseIdMaps({ source: "host", uidMap: [map(0, 1, 1)], gidMap: [map(0, 2, 1)] }, 0, 0);
    expect([each.uidMappings, each.gidMappings]).toEqual([[mapping(0, 1, 1)], [mapping(0, 2, 1)]]);
    const other = chooseIdMaps({ source: "host", gidMap: [map(0, 2, 1)] }, 0, 0);
    expect(other.uidMappings).toEqual([mapping(0, 2, 1)]);
  });

  test.each([
    ["--uidmap", { uidMap: [map(1, 1, 1)], gidMap: [map(0, 1, 1)] }],
    ["--gidmap", { uidMap: [map(0, 1, 1)], gidMap: [map(1, 1, 1)] }],
  ])("have to map the container's root: %s", (option, maps) => {
    expect(() => chooseIdMaps({ source: "host", ...maps }, 0, 0)).toThrow(
      `${option} does not map the container's id 0`,
    );
  });
});

describe("an ordinary user without subordinate ids", () => {
  test("is root inside, alone, and gives up setgroups(2)", () => {
    expect(chooseIdMaps({ source: "host" }, NOBODY, 7)).toEqual({
      uidMappings: [mapping(0, NOBODY, 1)],
      gidMappings: [mapping(0, 7, 1)],
      mapper: { kind: "direct", denySetgroups: true },
    });
  });

  test("may give exactly that map without any helper", () => {
    const { mapper } = chooseIdMaps({ source: "host", uidMap: [map(0, NOBODY, 1)] }, NOBODY, NOBODY);
    expect(mapper).toEqual({ kind: "direct", denySetgroups: true });
  });
});

test("an id is mapped when it lies in one of the ranges", () => {
  const ranges = [mapping(0, 1000, 1), mapping(10, 5000, 5)];
  expect([0, 1, 9, 10, 14, 15].map((id) => isMapped(ranges, id))).toEqual([true, false, false, true, true, false]);
  expect(isMapped([], 0)).toBe(false);
});
