import { expect, test } from "bun:test";
import { FakeKernel } from "./fake-kernel.ts";
import { type GroupHarness, groupConformance } from "./live.conformance.ts";
import { LiveGroup } from "./live.ts";

const V1_FILES = ["pids.peak"];
const V2_FILES = ["cgroup.events", "cgroup.freeze", "cgroup.kill", "pids.peak"];
const OLD_V2_FILES = V2_FILES.filter((name) => name !== "cgroup.kill");

interface FakeFolder {
  readonly path: string;
  readonly files: readonly string[];
}

function fakeHarness(v1: readonly FakeFolder[], unified?: FakeFolder): () => Promise<GroupHarness> {
  const folders = unified ? [...v1, unified] : v1;
  return async () => {
    const kernel = new FakeKernel();
    for (const { path, files } of folders) kernel.mkdir(path, files);
    let pid = 100;
    const spawn = async (below?: string) => {
      pid += 1;
      for (const { path, files } of folders) {
        const target = below ? `${path}/${below}` : path;
        if (!kernel.exists(target))
          kernel.mkdir(
            target,
            files.filter((name) => name !== "freezer.state"),
          );
        kernel.place(pid, target);
      }
      return pid;
    };
    const remove = folders.map(({ path }) => path);
    const plan = { remove, accounting: [], ...(unified ? { unified: unified.path } : {}) };
    return {
      group: new LiveGroup(plan, kernel),
      spawn,
      isAlive: (id) => kernel.isAlive(id),
      folders: () => remove.filter((path) => kernel.exists(path)),
      dispose: async () => {},
    };
  };
}

const pids: FakeFolder = { path: "/pids/sampan/c", files: V1_FILES };
const freezer: FakeFolder = { path: "/freezer/sampan/c", files: ["freezer.state"] };
const unified: FakeFolder = { path: "/unified/sampan/c", files: V2_FILES };

groupConformance("v1", fakeHarness([pids, freezer]));
groupConformance("v2", fakeHarness([], unified));
groupConformance("v2 before Linux 5.14, without cgroup.kill", fakeHarness([], { ...unified, files: OLD_V2_FILES }));
groupConformance("hybrid", fakeHarness([pids], unified));
groupConformance("hybrid with a v1 freezer", fakeHarness([pids, freezer], unified));

test("v1 without a freezer says what freezing takes", async () => {
  const { group } = await fakeHarness([pids])();
  await expect(group.freeze()).rejects.toThrow("this container cannot be frozen: it has no control group for it");
});

test("a group that holds this very process is not killed", async () => {
  const kernel = new FakeKernel();
  kernel.mkdir("/g", V2_FILES);
  kernel.place(process.pid, "/g");
  const group = new LiveGroup({ unified: "/g", remove: ["/g"], accounting: [] }, kernel);
  await expect(group.kill()).rejects.toThrow("the control group holds this process itself");
});

test("processes of other PID namespaces are shown as 0, and never signalled", () => {
  const kernel = new FakeKernel();
  kernel.mkdir("/g", V1_FILES);
  kernel.place(0, "/g");
  kernel.place(7, "/g");
  expect(new LiveGroup({ remove: ["/g"], accounting: [] }, kernel).processes()).toEqual([7]);
});

test("read decodes the plan's accounting files, and leaves out what is missing", () => {
  const kernel = new FakeKernel();
  kernel.mkdir("/g", V2_FILES);
  const accounting = [
    { name: "pids.peak", path: "/g/pids.peak", size: 32 },
    { name: "memory.peak", path: "/g/memory.peak", size: 32 },
  ];
  const group = new LiveGroup({ unified: "/g", remove: ["/g"], accounting }, kernel);
  expect(group.read()).toEqual({ peakProcesses: 2 });
});
