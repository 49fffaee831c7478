import { expect, test } from "bun:test";
import { readAccounting } from "./accounting.ts";

test("v2 files become numbers with units", () => {
  const texts = {
    "memory.peak": "8388608\n",
    "memory.events": "low 0\nhigh 0\nmax 12\noom 1\noom_kill 2\noom_group_kill 0\n",
    "cpu.stat": "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 9\nnr_throttled 4\nthrottled_usec 77\n",
    "pids.peak": "5\n",
    "io.stat": "8:0 rbytes=100 wbytes=7 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=20 wbytes=0 rios=1 wios=0\n",
  };
  expect(readAccounting(texts)).toEqual({
    peakMemoryBytes: 8_388_608,
    oomKills: 2,
    cpuUsageUs: 1500,
    cpuUserUs: 1000,
    cpuSystemUs: 500,
    throttledPeriods: 4,
    throttledUs: 77,
    peakProcesses: 5,
    readBytes: 120,
    writtenBytes: 7,
  });
});

test("v1 files become the same figures, nanoseconds as microseconds", () => {
  const texts = {
    "v1/memory.max_usage_in_bytes": "4096\n",
    "v1/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    "v1/cpu.stat": "nr_periods 10\nnr_throttled 3\nthrottled_time 2000000\n",
    "v1/cpuacct.usage": "3000000\n",
    "v1/cpuacct.usage_user": "2000000\n",
    "v1/cpuacct.usage_sys": "1000000\n",
    "v1/pids.peak": "2\n",
    "v1/blkio.throttle.io_service_bytes_recursive":
      "254:0 Read 4096\n254:0 Write 512\n254:0 Total 4608\n8:0 Read 1\n8:0 Write 0\nTotal 4609\n",
  };
  expect(readAccounting(texts)).toEqual({
    peakMemoryBytes: 4096,
    oomKills: 1,
    cpuUsageUs: 3000,
    cpuUserUs: 2000,
    cpuSystemUs: 1000,
    throttledPeriods: 3,
    throttledUs: 2000,
    peakProcesses: 2,
    readBytes: 4097,
    writtenBytes: 512,
  });
});

test("on a hybrid host CPU times come from v2 and throttling from v1", () => {
  const texts = {
    "cpu.stat": "usage_usec 10\nuser_usec 6\nsystem_usec 4\n",
    "v1/cpu.stat": "nr_periods 1\nnr_throttled 1\nthrottled_time 5000\n",
  };
  expect(readAccounting(texts)).toEqual({
    cpuUsageUs: 10,
    cpuUserUs: 6,
    cpuSystemUs: 4,
    throttledPeriods: 1,
    throttledUs: 5,
  });
});

test("what the host does not tell is absent, and the padding of buffers is ignored", () => {
  expect(readAccounting({})).toEqual({});
  expect(readAccounting({ "memory.peak": undefined, "pids.peak": "\0\0\0\0", "io.stat": "" })).toEqual({});
  expect(readAccounting({ "pids.peak": `3\n${"\0".repeat(29)}`, "memory.peak": "max\n" })).toEqual({
    peakProcesses: 3,
  });
});

test("a longer key does not stand for a shorter one", () => {
  expect(readAccounting({ "memory.events": "oom_group_kill 7\nlocal_oom_kill 3\n" })).toEqual({});
});
