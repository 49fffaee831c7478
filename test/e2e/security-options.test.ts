/** `sampan run`: capabilities, privileges, kernel parameters, limits of processes. */
import { expect, test } from "bun:test";
import { chmodSync, copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeInPlace, withoutStep } from "./support/describe-place.ts";
import { parseLook, probePath } from "./support/probe.ts";

const DEFAULT = 0xa80425fbn;
const NET_ADMIN = 1n << 12n;
const CHOWN = 1n;
const bounding = BigInt(`0x${/CapBnd:\s*(\w+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]}`);
const asMask = (mask: bigint) => (mask & bounding).toString(16).padStart(16, "0");

describeInPlace("an option about security", (at) => {
  const { look, probe, run } = at;

  const hasCapabilities = (title: string, options: readonly string[], expected: bigint) => {
    test(title, async () => {
      const { status } = await look(...options);
      expect([status["CapPrm"], status["CapEff"], status["CapBnd"]]).toEqual(Array(3).fill(asMask(expected)));
      expect([status["CapInh"], status["CapAmb"]]).toEqual(["0".repeat(16), "0".repeat(16)]);
    });
  };
  hasCapabilities("--cap-add adds one", ["--cap-add", "NET_ADMIN"], DEFAULT | NET_ADMIN);
  hasCapabilities("--cap-add takes the long name, in any case", ["--cap-add", "cap_net_admin"], DEFAULT | NET_ADMIN);
  hasCapabilities("--cap-drop drops one", ["--cap-drop", "CHOWN"], DEFAULT & ~CHOWN);
  hasCapabilities("--cap-drop ALL leaves none", ["--cap-drop", "ALL"], 0n);
  hasCapabilities("--cap-drop ALL and --cap-add leave that one", ["--cap-drop", "ALL", "--cap-add", "CHOWN"], CHOWN);
  hasCapabilities("--cap-add ALL gives all that there are", ["--cap-add", "ALL"], bounding);
  hasCapabilities(
    "--cap-add ALL and --cap-drop give all but one",
    ["--cap-add", "ALL", "--cap-drop", "CHOWN"],
    bounding & ~CHOWN,
  );
  hasCapabilities("--privileged gives all that there are", ["--privileged"], bounding);

  test("--cap-drop is felt", async () => {
    const [without] = await probe(["--cap-drop", "CHOWN"], ["chown", "/etc/passwd", "1", "1"]);
    const [with_] = await probe([], ["chown", "/etc/passwd", "1", "1"]);
    expect([without?.errno, with_?.errno]).toEqual(["EPERM", null]);
  });

  test("an unknown capability is refused with a suggestion", async () => {
    const ran = await run(["--cap-add", "NET_ADMIM"], ["look"]);
    expect(ran.status).toBe(125);
    expect(ran.stderr).toMatch(/^sampan: --cap-add: .*NET_ADMIM.*NET_ADMIN/);
  });

  test("--privileged masks nothing, and makes nothing read-only", async () => {
    const seen = await look("--privileged");
    const mounts = seen.mounts.map((line) => line.split(" ").slice(4, 6));
    expect(mounts.filter(([path = ""]) => /^\/proc\/|^\/sys\/firmware/.test(path))).toEqual([]);
    expect(mounts.find(([path]) => path === "/sys")?.[1]).toMatch(/^rw,/);
    const said = await probe(["--privileged"], ["mknod", "/zero", "1", "5"], ["read-some", "/zero"]);
    expect(said.map(({ errno }) => errno)).toEqual([null, null]);
  });

  test("no-new-privileges keeps a set-uid program from giving power", async () => {
    const rootfs = at.place.makeRootfs();
    copyFileSync(probePath(), join(rootfs, "bin/strong"));
    chmodSync(join(rootfs, "bin/strong"), 0o4755);
    const lookAs = async (...options: string[]) =>
      parseLook((await at.place.run([...options, "-u", "1000", rootfs, "/bin/strong", "look"])).stdout);
    const strong = await lookAs();
    expect([strong.uid, strong.euid, strong.noNewPrivs]).toEqual([1000, 0, 0]);
    const weak = await lookAs("--security-opt", "no-new-privileges");
    expect([weak.uid, weak.euid, weak.noNewPrivs]).toEqual([1000, 1000, 1]);
    const off = await lookAs("--security-opt", "no-new-privileges:false");
    expect([off.euid, off.noNewPrivs]).toEqual([0, 0]);
  });

  test("--sysctl sets parameters of the container's namespaces", async () => {
    const before = readFileSync("/proc/sys/kernel/shmmni", "utf8");
    const said = await probe(
      ["--sysctl", "kernel.shmmni=77", "--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "fs.mqueue.msg_max=9"],
      ["read", "/proc/sys/kernel/shmmni"],
      ["read", "/proc/sys/net/ipv4/ip_forward"],
      ["read", "/proc/sys/fs/mqueue/msg_max"],
    );
    expect(said.map(({ text }) => text)).toEqual(["77\n", "1\n", "9\n"]);
    expect(readFileSync("/proc/sys/kernel/shmmni", "utf8")).toBe(before);
  });

  const refuses = (title: string, options: readonly string[], message: RegExp) => {
    test(title, async () => {
      const ran = await run(options, ["look"]);
      expect(withoutStep(ran.stderr)).toMatch(message);
      expect([ran.status, ran.stdout]).toEqual([125, ""]);
    });
  };
  refuses(
    "--sysctl of the host is refused",
    ["--sysctl", "kernel.core_pattern=|/x"],
    /^sampan: --sysctl kernel\.core_pattern is not a parameter of a namespace: it would change the host\. Allowed are kernel\.msg\*, kernel\.sem, kernel\.shm\*, fs\.mqueue\.\* and net\.\*\.\n$/,
  );
  refuses(
    "--sysctl that climbs out of its folder is refused",
    ["--sysctl", "net/../kernel/core_pattern=|/x"],
    /^sampan: --sysctl net\/\.\.\/kernel\/core_pattern is not a parameter of a namespace: it would change the host\./,
  );
  refuses(
    "--sysctl of a namespace that is shared is refused",
    ["--network", "host", "--sysctl", "net.ipv4.ip_forward=1"],
    /^sampan: --sysctl net\.ipv4\.ip_forward would change the host, whose net namespace is shared\. Leave it out, or give the container its own net namespace\.\n$/,
  );
  refuses(
    "--sysctl that does not exist says so",
    ["--sysctl", "net.no.such=1"],
    /^sampan: --sysctl net\.no\.such failed: ENOENT \(sys\/net\/no\/such\) \(step N\)\. This kernel, or this namespace, does not have that parameter\.\n$/,
  );
  refuses(
    "--sysctl with a value that the kernel does not take says so",
    ["--sysctl", "net.ipv4.ip_forward=many"],
    /^sampan: --sysctl net\.ipv4\.ip_forward failed: EINVAL \(step N\)\. The kernel does not take this value\.\n$/,
  );

  test("--ulimit sets soft and hard limits", async () => {
    const seen = await look("--ulimit", "nofile=100:200", "--ulimit", "core=0", "--ulimit", "nproc=50:60");
    expect([seen.limits["nofile"], seen.limits["core"]]).toEqual([
      [100, 200],
      [0, 0],
    ]);
    expect(seen.limits["nproc"]).toEqual([50, 60]);
  });

  test("limits are the host's without --ulimit", async () => {
    const { limits } = await look();
    const host = /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    expect(limits["nofile"]?.[1]).toBe(Number(host?.[2]));
  });

  refuses(
    "--ulimit with soft above hard is refused",
    ["--ulimit", "nofile=200:100"],
    /^sampan: --ulimit: .*nofile=200:100.*\n$/,
  );
  refuses("--ulimit of an unknown name is refused", ["--ulimit", "nofiles=100"], /^sampan: --ulimit: .*nofile/);

  const CAP_SYS_RESOURCE = 1n << 24n;
  if ((bounding & CAP_SYS_RESOURCE) === 0n) {
    refuses(
      "--ulimit above what this host allows says so",
      ["--ulimit", "nofile=1000000000"],
      /^sampan: --ulimit nofile was refused: EPERM \(step N\)\. Only root with CAP_SYS_RESOURCE may raise a hard limit; `ulimit -Ha` shows the present ones\.\n$/,
    );
  }

  test("--oom-score-adj says who goes first", async () => {
    expect((await look("--oom-score-adj", "300")).oomScoreAdj).toBe("300");
  });

  test("-u leaves no capability to a user who is not root, whatever was added", async () => {
    const { status } = await look("-u", "1000", "--cap-add", "ALL");
    expect([status["CapPrm"], status["CapEff"], status["CapAmb"]]).toEqual(Array(3).fill("0".repeat(16)));
  });
});
