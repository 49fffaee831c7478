/** From inside a running process: the library, and the floor as a child of the same process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type LibraryRunOptions, open } from "../../src/index.ts";
import type { Row } from "../report.ts";
import type { Scenario } from "../scenario.ts";
import { summarise } from "../statistics.ts";
import { rowOf, timeInTurns } from "../stopwatch.ts";

const FLOOR_RATIO = 2.5;
const LIMIT_MS = 6;

interface Contender {
  readonly name: string;
  run(): Promise<void>;
}

async function timeAll(contenders: readonly Contender[], runs: number, warmup: number): Promise<Row[]> {
  const times = contenders.map((): number[] => []);
  for (let i = -warmup; i < runs; i++) {
    for (const [at, contender] of contenders.entries()) {
      const started = performance.now();
      await contender.run();
      if (i >= 0) times[at]?.push(performance.now() - started);
    }
  }
  return contenders.map(({ name }, i) => ({ name, wall: summarise(times[i] ?? []) }));
}

async function spawnFloor(floor: string, rootfs: string): Promise<void> {
  const child = spawn(floor, [rootfs, "/bin/true"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.resume();
  child.stderr.resume();
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`the floor ended with ${code}`);
}

export const library: Scenario = {
  name: "library",
  async measure({ shop, quick }) {
    const sampan = await open({ root: shop.state });
    const run = async (options: Partial<LibraryRunOptions>) => {
      const { exitCode } = await sampan.run({ source: shop.rootfs, command: ["/bin/true"], ...options });
      if (exitCode !== 0) throw new Error(`the container ended with ${exitCode}`);
    };
    const resources = { memory: { limit: 64 << 20 }, cpu: { quota: 50_000, period: 100_000 }, pids: { limit: 64 } };
    const contenders: Contender[] = [
      { name: "sampan.run({...})", run: () => run({}) },
      { name: "spawn(floor)", run: () => spawnFloor(shop.floor, shop.rootfs) },
      { name: "sampan.run({ resources })", run: () => run({ resources }) },
    ];
    const rows = await timeAll(contenders, quick ? 20 : 100, quick ? 10 : 30);
    const alone = timeInTurns(shop, [{ name: "floor alone", argv: [shop.floor, shop.rootfs, "/bin/true"] }], {
      runs: quick ? 20 : 60,
      warmup: 5,
    });
    const [own, floor] = rows.map(({ wall }) => wall.median);
    return {
      title: `From inside a running process (${process.versions["bun"] ? `Bun ${process.versions["bun"]}` : `Node ${process.version}`})`,
      rows: [...rows, ...alone.map(rowOf)],
      targets: [
        {
          what: "sampan.run / spawn(floor), medians",
          measured: (own ?? NaN) / (floor ?? NaN),
          limit: FLOOR_RATIO,
          unit: "",
        },
        { what: "sampan.run, median", measured: own ?? NaN, limit: LIMIT_MS, unit: "ms" },
      ],
      notes: ["both collect standard output and error through pipes, and are done when both have ended"],
    };
  },
};
