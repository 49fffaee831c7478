/** What a live group has to do on every version of control groups, on any kernel that a harness brings. */
import { afterEach, describe, expect, test } from "bun:test";
import type { LiveGroup } from "./live.ts";

/** One fresh container's groups, and processes in them that sleep for ever. */
export interface GroupHarness {
  readonly group: LiveGroup;
  /** Starts a process in the group, or in a group that the container makes below it. */
  spawn(below?: string): Promise<number>;
  isAlive(pid: number): boolean;
  /** The container's folders that still exist. */
  folders(): readonly string[];
  /** Ends and removes whatever the test has left. */
  dispose(): Promise<void>;
}

export function groupConformance(title: string, start: () => Promise<GroupHarness>): void {
  describe(title, () => {
    let harness: GroupHarness | undefined;
    const fresh = async () => {
      harness = await start();
      return harness;
    };
    afterEach(async () => {
      await harness?.dispose();
      harness = undefined;
    });

    test("an empty group has no processes, and goes at once", async () => {
      const { group, folders } = await fresh();
      expect(group.processes()).toEqual([]);
      await group.remove();
      expect(folders()).toEqual([]);
    });

    test("its processes are listed, with those of groups below", async () => {
      const { group, spawn } = await fresh();
      const pids = [await spawn(), await spawn(), await spawn("inner")];
      expect([...group.processes()].sort()).toEqual(pids.sort());
    });

    test("kill ends every process, and then the folders can be removed", async () => {
      const { group, spawn, isAlive, folders } = await fresh();
      const pids = [await spawn(), await spawn(), await spawn("inner")];
      await group.kill();
      expect(pids.filter(isAlive)).toEqual([]);
      expect(group.processes()).toEqual([]);
      await group.remove();
      expect(folders()).toEqual([]);
    });

    test("a frozen group can be thawed", async () => {
      const { group, spawn } = await fresh();
      await spawn();
      expect(group.frozen).toBe(false);
      await group.freeze();
      expect(group.frozen).toBe(true);
      await group.thaw();
      expect(group.frozen).toBe(false);
    });

    test("a frozen group can be killed", async () => {
      const { group, spawn, isAlive } = await fresh();
      const pid = await spawn();
      await group.freeze();
      await group.kill();
      expect(isAlive(pid)).toBe(false);
    });

    test("removing an occupied group fails, and names who is in it", async () => {
      const { group, spawn } = await fresh();
      const pid = await spawn();
      await expect(group.remove({ timeoutMs: 20 })).rejects.toThrow(
        `cannot remove the control group: processes ${pid} are left after 20 ms`,
      );
    });

    test("kill and remove of a group that is gone are fine", async () => {
      const { group } = await fresh();
      await group.remove();
      await group.kill();
      await group.remove();
    });

    test("waiting ends with its signal", async () => {
      const { group, spawn } = await fresh();
      await spawn();
      await expect(group.remove({ signal: AbortSignal.timeout(5) })).rejects.toThrow();
    });
  });
}
