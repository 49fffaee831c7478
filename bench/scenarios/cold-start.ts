/** A whole container from a shell: the command starts cold, makes it, runs /bin/true in it, and removes it. */
import { MASKED_PATHS, READONLY_PATHS } from "../../src/engine/default-mounts.ts";
import { LIMITS, makeBundle } from "../peers.ts";
import type { Target } from "../report.ts";
import type { Scenario, Surroundings } from "../scenario.ts";
import { median } from "../statistics.ts";
import { rowOf, type Series, type TimedCommand, timeInTurns } from "../stopwatch.ts";

const RATIOS = { "crun run": 1, "runc run": 0.4 } as const;

function commands({ shop, peers }: Surroundings): TimedCommand[] {
  const masks = { masked: MASKED_PATHS, readonly: READONLY_PATHS };
  const bundle = peers.found.includes("runc") ? makeBundle(shop, "true", ["/bin/true"], masks) : undefined;
  const global = ["--root", shop.state];
  return [
    { name: "sampan run", argv: [shop.sampan, ...global, "run", ...LIMITS, shop.rootfs, "/bin/true"] },
    ...(bundle ? peers.found.map((name) => peers.run(name, bundle)) : []),
    { name: "floor (no limits, no JavaScript)", argv: [shop.floor, shop.rootfs, "/bin/true"] },
  ];
}

function targets([sampan, ...others]: readonly Series[]): Target[] {
  const own = median(sampan?.wall ?? []);
  return Object.entries(RATIOS).flatMap(([name, limit]) => {
    const peer = others.find((series) => series.name === name);
    if (!peer) return [];
    return [{ what: `sampan run / ${name}, medians`, measured: own / median(peer.wall), limit, unit: "" }];
  });
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
        "sampan puts a copy-on-write layer over the folder; the peers use it as it is",
      ],
    };
  },
};
