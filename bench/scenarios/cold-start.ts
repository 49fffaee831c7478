/**
 * A whole container from a shell: the command starts cold, makes it, runs /bin/true in it, and removes it.
 *
 * Sampan remembers the plans of command lines (engine/plan-memo.ts), and the same one again is what a benchmark does; so
 * it is measured in both ways. A command line that is different every time is planned, and remembered, every time.
 */
import { MASKED_PATHS, READONLY_PATHS } from "../../src/engine/default-mounts.ts";
import { LIMITS, makeBundle } from "../peers.ts";
import type { Target } from "../report.ts";
import type { Scenario, Surroundings } from "../scenario.ts";
import { median } from "../statistics.ts";
import { rowOf, type Series, type TimedCommand, timeInTurns } from "../stopwatch.ts";

const RATIOS = { "crun run": 1, "runc run": 0.4 } as const;
const ANEW = "sampan run, planned anew";
const AGAIN = "sampan run, as before";

function commands({ shop, peers }: Surroundings): TimedCommand[] {
  const masks = { masked: MASKED_PATHS, readonly: READONLY_PATHS };
  const bundles = (name: string, cgroupNamespace: boolean): TimedCommand[] => {
    if (!peers.found.includes("runc")) return [];
    const folder = makeBundle(shop, name, ["/bin/true"], { ...masks, cgroupNamespace });
    return peers.found.map((peer) => peers.run(peer, folder));
  };
  const run = [shop.sampan, "run", ...LIMITS, shop.rootfs, "/bin/true"];
  return [
    { name: ANEW, argv: [...run, "{}"] },
    { name: AGAIN, argv: run },
    ...bundles("true", true),
    ...bundles("host-groups", false).map((command) => ({
      ...command,
      name: `${command.name}, host's cgroup namespace`,
    })),
    { name: "floor (no limits, no JavaScript)", argv: [shop.floor, shop.rootfs, "/bin/true"] },
  ];
}

function targets(series: readonly Series[]): Target[] {
  const medianOf = (name: string) => median(series.find((one) => one.name === name)?.wall ?? []);
  const measured = Object.entries(RATIOS).filter(([peer]) => series.some(({ name }) => name === peer));
  return [ANEW, AGAIN].flatMap((own) =>
    measured.map(([peer, limit]) => ({
      what: `${own} / ${peer}, medians`,
      measured: medianOf(own) / medianOf(peer),
      limit,
      unit: "",
    })),
  );
}

export const coldStart: Scenario = {
  name: "cold-start",
  async measure(surroundings) {
    const { quick, shop, peers } = surroundings;
    const series = timeInTurns(shop, commands(surroundings), { runs: quick ? 10 : 60, warmup: quick ? 2 : 5 });
    return {
      title: `A container from a shell (${LIMITS.join(" ")}, all namespaces but user and time, 17 masked or read-only paths)`,
      rows: series.map(rowOf),
      targets: targets(series),
      notes: [
        ...peers.notes,
        ...(peers.found.includes("runc") ? [] : ["without runc there is no bundle (runc spec): no peers"]),
        "the ratios are with peers that make a cgroup namespace too, which costs them waits; the rows without are for comparison",
        "sampan puts a copy-on-write layer over the folder; the peers use it as it is",
      ],
    };
  },
};
