import { describe, expect, test } from "bun:test";
import type { RunOptions } from "../engine/index.ts";
import { ISOLATIONS } from "../engine/index.ts";
import { RLIM_INFINITY } from "../kernel/index.ts";
import { parseRun } from "./parse-run.ts";
import type { RunOutput } from "./run-draft.ts";
import { RUN_GRAMMAR } from "./tables/run.ts";
import { parseContext } from "./testing/parse-context.ts";

type Case = readonly [words: string, options: Partial<RunOptions>];

/** Words are split at spaces; SOURCE `host` is added. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  interactive: [
    ["-i", { interactive: true }],
    ["--interactive=false", { interactive: false }],
  ],
  tty: [
    ["-it", { interactive: true, terminal: true }],
    ["-t=false", { terminal: false }],
  ],
  rm: [["--rm", { remove: true }]],
  name: [["--name web-1.a_b", { name: "web-1.a_b" }]],
  workdir: [["-w /srv/./app/", { workdir: "/srv/app" }]],
  env: [
    ["-e A=1 --env=B=x=y -eC=", { env: ["A=1", "B=x=y", "C="] }],
    ["-e HOME -e UNSET", { env: ["HOME=/home/me"] }],
  ],
  "env-file": [["-e LAST=1 --env-file vars", { env: ["ONE=1", 'QUOTED="x y" ', "EMPTY=", "HOME=/home/me", "LAST=1"] }]],
  user: [
    ["-u 1000:1000", { user: "1000:1000" }],
    ["--user nobody", { user: "nobody" }],
  ],
  "group-add": [["--group-add audio --group-add 29", { groupAdd: ["audio", "29"] }]],
  entrypoint: [
    ["--entrypoint /init", { entrypoint: ["/init"] }],
    ["--entrypoint=", { entrypoint: [""] }],
    ['--entrypoint ["sh","-c"]', { entrypoint: ["sh", "-c"] }],
  ],
  init: [["--init", { init: true }]],
  "stop-signal": [
    ["--stop-signal SIGTERM", { stopSignal: 15 }],
    ["--stop-signal quit", { stopSignal: 3 }],
    ["--stop-signal RTMIN+3", { stopSignal: 37 }],
    ["--stop-signal SIGRTMAX-1", { stopSignal: 63 }],
    ["--stop-signal 9", { stopSignal: 9 }],
  ],
  pidfile: [["--pidfile run.pid", { pidFile: "/dock/run.pid" }]],
  cidfile: [["--cidfile /tmp/cid", { cidFile: "/tmp/cid" }]],
  hostname: [["-h box", { hostname: "box" }]],
  domainname: [["--domainname lan", { domainname: "lan" }]],
  volume: [
    ["-v ./a:/b", { mounts: [{ type: "bind", source: "/dock/a", target: "/b", createSource: true }] }],
    ["-v ..:/b/:rw", { mounts: [{ type: "bind", source: "/", target: "/b", createSource: true }] }],
    [
      "-v /a:/b:ro,rslave,noexec,nosuid,nodev,bind",
      {
        mounts: [
          {
            type: "bind",
            source: "/a",
            target: "/b",
            createSource: true,
            readOnly: true,
            propagation: "rslave",
            nonRecursive: true,
            options: ["noexec", "nosuid", "nodev"],
          },
        ],
      },
    ],
    [
      "-v /a:/b:rro,rbind,exec",
      {
        mounts: [
          {
            type: "bind",
            source: "/a",
            target: "/b",
            createSource: true,
            readOnly: true,
            recursiveReadOnly: true,
            options: ["exec"],
          },
        ],
      },
    ],
  ],
  mount: [
    ["--mount type=bind,source=/a,target=/b", { mounts: [{ type: "bind", source: "/a", target: "/b" }] }],
    [
      "--mount type=bind,src=.,dst=/b,ro",
      { mounts: [{ type: "bind", source: "/dock", target: "/b", readOnly: true }] },
    ],
    [
      "--mount destination=/b,readonly=recursive,type=bind,src=/a,bind-propagation=shared,bind-nonrecursive",
      {
        mounts: [
          {
            type: "bind",
            source: "/a",
            target: "/b",
            readOnly: true,
            recursiveReadOnly: true,
            propagation: "shared",
            nonRecursive: true,
          },
        ],
      },
    ],
    [
      "--mount type=bind,src=/a,dst=/b,bind-recursive=disabled,ro=false",
      { mounts: [{ type: "bind", source: "/a", target: "/b", nonRecursive: true, readOnly: false }] },
    ],
    [
      "--mount type=bind,src=/a,dst=/b,bind-recursive=readonly",
      { mounts: [{ type: "bind", source: "/a", target: "/b", readOnly: true, recursiveReadOnly: true }] },
    ],
    [
      '--mount type=bind,"src=/a,b",dst=/b,readonly,bind-recursive=writable',
      { mounts: [{ type: "bind", source: "/a,b", target: "/b", readOnly: true }] },
    ],
    [
      "--mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1777",
      { mounts: [{ type: "tmpfs", target: "/t", sizeBytes: 1_048_576, mode: 0o1777 }] },
    ],
  ],
  tmpfs: [
    ["--tmpfs /run", { mounts: [{ type: "tmpfs", target: "/run" }] }],
    [
      "--tmpfs /run:ro,size=64m,mode=0700,exec,nosuid,uid=7,nr_inodes=1k",
      {
        mounts: [
          {
            type: "tmpfs",
            target: "/run",
            readOnly: true,
            sizeBytes: 67_108_864,
            mode: 0o700,
            options: ["exec", "nosuid", "uid=7", "nr_inodes=1k"],
          },
        ],
      },
    ],
    ["--tmpfs /run:size=10%", { mounts: [{ type: "tmpfs", target: "/run", options: ["size=10%"] }] }],
  ],
  copy: [["--copy app:/bin/app", { copies: [{ source: "/dock/app", target: "/bin/app" }] }]],
  "read-only": [["--read-only", { readOnly: true }]],
  "in-place": [["--in-place", { inPlace: true }]],
  "layer-size": [["--layer-size 1g", { layerSizeBytes: 1_073_741_824 }]],
  "shm-size": [["--shm-size 1.5M", { shmSizeBytes: 1_572_864 }]],
  device: [
    ["--device /dev/fuse", { devices: [{ source: "/dev/fuse", target: "/dev/fuse", access: "rwm" }] }],
    ["--device /dev/sda:/dev/disk:r", { devices: [{ source: "/dev/sda", target: "/dev/disk", access: "r" }] }],
    ["--device /dev/sda:rw", { devices: [{ source: "/dev/sda", target: "/dev/sda", access: "rw" }] }],
  ],
  isolate: [
    ["--isolate pid,uts", { isolate: ["uts", "pid"] }],
    ["--isolate uts --isolate limits", { isolate: ["uts", "limits"] }],
    ["--isolate none", { isolate: [] }],
    ["--isolate all", { isolate: ISOLATIONS }],
  ],
  pid: [["--pid host", { namespaces: { pid: "host" } }]],
  ipc: [["--ipc private", { namespaces: { ipc: "private" } }]],
  uts: [["--uts=host", { namespaces: { uts: "host" } }]],
  userns: [["--userns host", { namespaces: { user: "host" } }]],
  cgroupns: [["--cgroupns private", { namespaces: { cgroup: "private" } }]],
  network: [
    ["--network none", { namespaces: { network: "none" } }],
    ["--net host --pid host", { namespaces: { network: "host", pid: "host" } }],
  ],
  "time-offset": [
    ["--time-offset 86400", { timeOffsetSeconds: { monotonic: 86_400, boottime: 86_400 } }],
    ["--time-offset 1 --time-offset boottime=-2.5", { timeOffsetSeconds: { monotonic: 1, boottime: -2.5 } }],
  ],
  uidmap: [
    [
      "--uidmap 0:100000:65536 --uidmap 65536:1:1",
      {
        uidMap: [
          { container: 0, host: 100_000, size: 65_536 },
          { container: 65_536, host: 1, size: 1 },
        ],
      },
    ],
  ],
  gidmap: [["--gidmap 0:1000:1", { gidMap: [{ container: 0, host: 1000, size: 1 }] }]],
  memory: [
    ["-m 64m", { resources: { memory: { limit: 67_108_864 } } }],
    ["-m64m", { resources: { memory: { limit: 67_108_864 } } }],
    ["-m=512", { resources: { memory: { limit: 512 } } }],
    ["--memory 1.5GiB", { resources: { memory: { limit: 1_610_612_736 } } }],
    ["-m 1 -m 0", { resources: { memory: {} } }],
  ],
  "memory-reservation": [["--memory-reservation 32kb", { resources: { memory: { reservation: 32_768 } } }]],
  "memory-swap": [
    ["--memory-swap -1", { resources: { memory: { swap: -1 } } }],
    ["-m 1g --memory-swap 2g", { resources: { memory: { limit: 1_073_741_824, swap: 2_147_483_648 } } }],
  ],
  cpus: [
    ["--cpus 1.5", { resources: { cpu: { quota: 150_000, period: 100_000 } } }],
    ["--cpus .01", { resources: { cpu: { quota: 1000, period: 100_000 } } }],
    ["--cpus 0", { resources: { cpu: {} } }],
  ],
  "cpu-shares": [["-c 512", { resources: { cpu: { shares: 512 } } }]],
  "cpu-period": [["--cpu-period 50000", { resources: { cpu: { period: 50_000 } } }]],
  "cpu-quota": [
    ["--cpu-quota -1", { resources: { cpu: { quota: -1 } } }],
    ["--cpu-quota 25000 --cpu-period 50000", { resources: { cpu: { quota: 25_000, period: 50_000 } } }],
  ],
  "cpuset-cpus": [["--cpuset-cpus 0-3,5", { resources: { cpu: { cpus: "0-3,5" } } }]],
  "cpuset-mems": [["--cpuset-mems 0", { resources: { cpu: { mems: "0" } } }]],
  "pids-limit": [
    ["--pids-limit 20", { resources: { pids: { limit: 20 } } }],
    ["--pids-limit 0", { resources: { pids: { limit: -1 } } }],
    ["-m 1k --pids-limit -1", { resources: { memory: { limit: 1024 }, pids: { limit: -1 } } }],
  ],
  "blkio-weight": [["--blkio-weight 500", { blockIo: { weight: 500 } }]],
  "blkio-weight-device": [
    ["--blkio-weight-device /dev/sda:200", { blockIo: { weightDevice: [{ device: "/dev/sda", weight: 200 }] } }],
  ],
  "device-read-bps": [
    [
      "--device-read-bps /dev/sda:1m --device-read-bps /dev/sdb:2k",
      {
        blockIo: {
          readBps: [
            { device: "/dev/sda", rate: 1_048_576 },
            { device: "/dev/sdb", rate: 2048 },
          ],
        },
      },
    ],
  ],
  "device-write-bps": [
    ["--device-write-bps /dev/a:b:1k", { blockIo: { writeBps: [{ device: "/dev/a:b", rate: 1024 }] } }],
  ],
  "device-read-iops": [
    ["--device-read-iops /dev/sda:100", { blockIo: { readIops: [{ device: "/dev/sda", rate: 100 }] } }],
  ],
  "device-write-iops": [
    ["--device-write-iops /dev/sda:7", { blockIo: { writeIops: [{ device: "/dev/sda", rate: 7 }] } }],
  ],
  ulimit: [
    ["--ulimit nofile=1024:4096", { ulimits: [{ name: "nofile", soft: 1024n, hard: 4096n }] }],
    [
      "--ulimit core=0 --ulimit nproc=5:-1 --ulimit as=unlimited",
      {
        ulimits: [
          { name: "core", soft: 0n, hard: 0n },
          { name: "nproc", soft: 5n, hard: RLIM_INFINITY },
          { name: "as", soft: RLIM_INFINITY, hard: RLIM_INFINITY },
        ],
      },
    ],
  ],
  "oom-score-adj": [["--oom-score-adj -500", { oomScoreAdj: -500 }]],
  "cap-add": [["--cap-add net_admin --cap-add CAP_SYS_TIME,all", { capAdd: ["CAP_NET_ADMIN", "CAP_SYS_TIME", "ALL"] }]],
  "cap-drop": [["--cap-drop ALL", { capDrop: ["ALL"] }]],
  privileged: [["--privileged", { privileged: true }]],
  "security-opt": [
    ["--security-opt no-new-privileges", { noNewPrivileges: true }],
    ["--security-opt no-new-privileges:true", { noNewPrivileges: true }],
    ["--security-opt no-new-privileges=false", { noNewPrivileges: false }],
  ],
  sysctl: [["--sysctl kernel.msgmax=1 --sysctl a=b=c", { sysctls: { "kernel.msgmax": "1", a: "b=c" } }]],
};

const OUTPUTS: Readonly<Record<string, readonly (readonly [words: string, output: RunOutput])[]>> = {
  explain: [
    ["--explain", { dryRun: false, explain: "text" }],
    ["--explain=json", { dryRun: false, explain: "json" }],
  ],
  "dry-run": [["--dry-run", { dryRun: true }]],
  report: [
    ["--report", { dryRun: false, report: "text" }],
    ["--report=json", { dryRun: false, report: "json" }],
  ],
};

const FILES = {
  "/dock/vars": '\uFEFF# comment\n\nONE=1\r\n  QUOTED="x y" \nEMPTY=\nHOME\nUNSET\n',
};

function run(words: readonly string[]) {
  return parseRun(words, parseContext({ HOME: "/home/me" }, FILES));
}

describe("every option of run says exactly one thing", () => {
  for (const [words, options] of Object.values(CASES).flat()) {
    test(words, () => {
      expect(run([...words.split(" "), "host"])).toEqual({
        options: { source: "host", ...options },
        output: { dryRun: false },
      });
    });
  }
  for (const [words, output] of Object.values(OUTPUTS).flat()) {
    test(words, () => expect(run([words, "host"])).toEqual({ options: { source: "host" }, output }));
  }
});

test("no option is without a case here", () => {
  const tested = [...Object.keys(CASES), ...Object.keys(OUTPUTS)];
  expect(tested.toSorted()).toEqual(RUN_GRAMMAR.options.map((option) => option.name).toSorted());
});

describe("what follows SOURCE belongs to the command", () => {
  test("options after it are left alone", () => {
    expect(run(["host", "ls", "-la", "--", "--rm"]).options).toEqual({
      source: "host",
      command: ["ls", "-la", "--", "--rm"],
    });
  });
  test("-- may end the options", () => {
    expect(run(["--rm", "--", "-odd-folder", "-x"]).options).toEqual({
      remove: true,
      source: "-odd-folder",
      command: ["-x"],
    });
  });
  test("empty words are kept", () => {
    expect(run(["host", "printf", ""]).options.command).toEqual(["printf", ""]);
  });
  test("a lone dash is a SOURCE", () => {
    expect(run(["-"]).options.source).toBe("-");
  });
});

test("options that every command takes are not the run's own", () => {
  expect(run(["--root", "/x", "--debug", "--rm", "host"]).options).toEqual({ remove: true, source: "host" });
});
