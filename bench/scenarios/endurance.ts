/** One run after the other: nothing is left behind, and the last are as fast as the first. */
import { leftSince, lookAround } from "../leftovers.ts";
import { LIMITS } from "../peers.ts";
import type { Row } from "../report.ts";
import type { Scenario } from "../scenario.ts";
import { median, summarise } from "../statistics.ts";
import { type Series, timeInTurns } from "../stopwatch.ts";

const PART = 50;
const DRIFT = 1.1;

function parts({ name, wall }: Series): Row[] {
  return [
    { name: `${name}, first ${PART}`, wall: summarise(wall.slice(0, PART)) },
    { name: `${name}, last ${PART}`, wall: summarise(wall.slice(-PART)) },
  ];
}

function drift({ wall }: Series): number {
  return median(wall.slice(-PART)) / median(wall.slice(0, PART));
}

export const endurance: Scenario = {
  name: "endurance",
  async measure({ shop, quick }) {
    const runs = quick ? 2 * PART : 500;
    const before = lookAround(shop.state);
    const [own, floor] = timeInTurns(
      shop,
      [
        {
          name: "sampan run",
          argv: [shop.sampan, "run", ...LIMITS, shop.rootfs, "/bin/true"],
        },
        { name: "floor", argv: [shop.floor, shop.rootfs, "/bin/true"] },
      ],
      { runs, warmup: 2 },
    ) as [Series, Series];
    const left = await leftSince(before, shop.state);
    return {
      title: `${runs} runs in a row`,
      rows: [own, floor].flatMap(parts),
      targets: [
        { what: `median of the last ${PART} / the first ${PART}`, measured: drift(own), limit: DRIFT, unit: "" },
        { what: "mounts, groups, processes and records left behind", measured: left.length, limit: 0, unit: "" },
      ],
      notes: [
        `the floor, which keeps nothing, drifted by ${drift(floor).toFixed(2)} meanwhile: that is the machine`,
        ...left.slice(0, 10),
      ],
    };
  },
};
