import { describe, expect, test } from "bun:test";
import { type ErrorCode, formatError, SampanError } from "../errors/index.ts";
import { parseRun } from "./parse-run.ts";
import { parseContext } from "./testing/parse-context.ts";

const FILES = { "/dock/spaces": "A=1\nB C=2\n", "/dock/nameless": "=x\n" };

/** Words are split at spaces; the exact text is interface. */
const ERRORS: Readonly<Record<"USAGE" | "UNKNOWN_OPTION" | "INVALID_VALUE", Readonly<Record<string, string>>>> = {
  USAGE: {
    "-m": "option -m for run needs a value. Write -m SIZE.",
    "-h": "option -h for run needs a value. Write -h NAME. Help is --help.",
    "--mount": "option --mount for run needs a value. Write --mount type=TYPE,KEY=VALUE.",
    "--in-place --layer-size 1g host":
      "--in-place cannot be used with --layer-size. They exclude each other; keep one.",
    "--cpus 1 --cpu-quota 5000 host": "--cpus cannot be used with --cpu-quota. They exclude each other; keep one.",
    "--cpu-period 5000 --cpus 1 host": "--cpus cannot be used with --cpu-period. They exclude each other; keep one.",
    "": "run needs a SOURCE. Name what to run in: host, scratch, a folder or an archive, as in sampan run host ls.",
  },
  UNKNOWN_OPTION: {
    "--memroy 1 host": "unknown option --memroy for run. Did you mean --memory?",
    "--zzz host": "unknown option --zzz for run. sampan run --help lists the options.",
    "--net-work host host": "unknown option --net-work for run. Did you mean --network?",
    "-x host": "unknown option -x for run. sampan run --help lists the options.",
    "-ix host": "unknown option -x for run (in -ix). sampan run --help lists the options.",
    "-name web host": "unknown option -n for run (in -name). Did you mean --name?",
    "--cap-ad=ALL host": "unknown option --cap-ad for run. Did you mean --cap-add?",
  },
  INVALID_VALUE: {
    "-m 12q host":
      '-m: "12q" is not a size. Write a number of bytes with an optional unit b, k, m, g or t, such as 64m.',
    "--memory= host":
      '--memory: "" is not a size. Write a number of bytes with an optional unit b, k, m, g or t, such as 64m.',
    "--memory -5 host":
      '--memory: "-5" is not a size. Write a number of bytes with an optional unit b, k, m, g or t, such as 64m.',
    "--memory 99999999t host":
      '--memory: "99999999t" is more than 9007199254740991 bytes. Write a smaller size, such as 64m.',
    "--memory-swap x host": '--memory-swap: "x" is not a size. Write a size such as 128m, or -1 for no limit.',
    "--memory-swap -2 host": '--memory-swap: "-2" is not a size. Write a size such as 128m, or -1 for no limit.',
    "--shm-size 0 host": '--shm-size: "0" leaves no room at all. Write a size above zero, such as 64m.',
    "--layer-size big host":
      '--layer-size: "big" is not a size. Write a number of bytes with an optional unit b, k, m, g or t, such as 64m.',
    "--cpus x host": '--cpus: "x" is not a number of CPUs. Write a decimal number such as 1.5.',
    "--cpus -1 host": '--cpus: "-1" is not a number of CPUs. Write a decimal number such as 1.5.',
    "--cpus 0.001 host": '--cpus: "0.001" is less CPU time than the kernel can hand out. Write 0.01 or more.',
    "-c 1 host": '-c: "1" is not a number of shares. Write a number from 2 to 262144, or 0 for the default.',
    "--cpu-period 999 host":
      '--cpu-period: "999" is not a period. Write a number from 1000 to 1000000, or 0 for the default.',
    "--cpu-quota 5 host":
      '--cpu-quota: "5" is not a quota. Write a number from 1000, or 0 for the default, or -1 for no limit.',
    "--cpu-quota 1.5 host":
      '--cpu-quota: "1.5" is not a quota. Write a number from 1000, or 0 for the default, or -1 for no limit.',
    "--cpuset-cpus 3-1 host":
      '--cpuset-cpus: "3-1" is not a list of numbers. Write numbers and ranges with commas, such as 0-3,5.',
    "--cpuset-mems all host":
      '--cpuset-mems: "all" is not a list of numbers. Write numbers and ranges with commas, such as 0-3,5.',
    "--pids-limit -5 host":
      '--pids-limit: "-5" is not a number of processes. Write a number from 1, or 0 for no limit, or -1 for no limit.',
    "--pids-limit many host":
      '--pids-limit: "many" is not a number of processes. Write a number from 1, or 0 for no limit, or -1 for no limit.',
    "--blkio-weight 5 host":
      '--blkio-weight: "5" is not a weight. Write a number from 10 to 1000, or 0 for the default.',
    "--blkio-weight-device sda:100 host":
      '--blkio-weight-device: "sda:100" does not name a device and a value. Write DEVICE:WEIGHT, such as /dev/sda:200.',
    "--blkio-weight-device /dev/sda:5 host":
      '--blkio-weight-device: "5" is not a weight. Write a number from 10 to 1000.',
    "--device-read-bps /dev/sda host":
      '--device-read-bps: "/dev/sda" does not name a device and a value. Write DEVICE:SIZE, such as /dev/sda:1m.',
    "--device-read-bps /dev/sda:fast host":
      '--device-read-bps: "fast" is not a size. Write a number of bytes with an optional unit b, k, m, g or t, such as 64m.',
    "--device-write-iops /dev/sda:0 host": '--device-write-iops: "0" is not a rate. Write a number from 1.',
    "--oom-score-adj 2000 host": '--oom-score-adj: "2000" is not an adjustment. Write a number from -1000 to 1000.',
    "--ulimit nofile host":
      '--ulimit: "nofile" is not a limit. Write NAME=SOFT[:HARD], such as nofile=1024:4096; -1 is no limit.',
    "--ulimit nofiles=1 host": '--ulimit: "nofiles" is not a resource. Did you mean nofile?',
    "--ulimit nofile=5:2 host":
      '--ulimit: "nofile=5:2" has a soft limit above the hard one. Write NAME=SOFT[:HARD], such as nofile=1024:4096; -1 is no limit.',
    "--ulimit nofile=many host":
      '--ulimit: "nofile=many" is not a limit. Write NAME=SOFT[:HARD], such as nofile=1024:4096; -1 is no limit.',
    "--rm=maybe host": '--rm: "maybe" is neither true nor false. Write true or false.',
    "--name -web host":
      '--name: "-web" is not a container name. Names are letters, digits, dots, dashes and underscores, and start with a letter or a digit.',
    "--name a/b host":
      '--name: "a/b" is not a container name. Names are letters, digits, dots, dashes and underscores, and start with a letter or a digit.',
    "-h 12345678901234567890123456789012345678901234567890123456789012345 host":
      '-h: "12345678901234567890123456789012345678901234567890123456789012345" is 65 bytes long. Linux takes names of 1 to 64 bytes.',
    "--domainname= host": '--domainname: "" is 0 bytes long. Linux takes names of 1 to 64 bytes.',
    "-w app host": '-w: "app" is not an absolute path in the container. Write /app.',
    "-e =x host": '-e: "=x" has no variable name. Write NAME=value, or NAME alone.',
    "--env-file nothere host": '--env-file: cannot read "nothere": ENOENT. Name a file that you may read.',
    "--env-file spaces host":
      '--env-file: spaces:2: the variable name "B C" has a space in it. Each line is NAME=value or NAME.',
    "--env-file nameless host": "--env-file: nameless:1 has no variable name. Each line is NAME=value or NAME.",
    "-u a:b:c host":
      '-u: "a:b:c" is not a user. Write a name or number, with an optional group: nobody, 1000 or 1000:1000.',
    "-u 4294967295 host":
      '-u: "4294967295" is not a user. Write a name or number, with an optional group: nobody, 1000 or 1000:1000.',
    "-u= host": '-u: "" is not a user. Write a name or number, with an optional group: nobody, 1000 or 1000:1000.',
    "--group-add a:b host": '--group-add: "a:b" is not a group. Write a name or a number, such as audio or 29.',
    "--entrypoint [sh host":
      '--entrypoint: "[sh" is not a list of words. Write a program, or a JSON array such as ["sh","-c"].',
    "--entrypoint [] host":
      '--entrypoint: "[]" is not a list of words. Write a program, or a JSON array such as ["sh","-c"].',
    "--stop-signal TRM host": '--stop-signal: "TRM" is not a signal. Did you mean TERM?',
    "--stop-signal 99 host": '--stop-signal: "99" is not a signal. Write a name or number, such as TERM or 15.',
    "--stop-signal NOTHING host":
      '--stop-signal: "NOTHING" is not a signal. Write a name or number, such as TERM or 15.',
    "--pidfile= host": '--pidfile: "" is not a path. Write the path of a file or folder on this host.',
    "-v /data host": '-v: "/data" has no target. Write SOURCE:TARGET[:OPTIONS], such as ./data:/data:ro.',
    "-v data:/data host":
      '-v: "data" names a volume, and volumes come with the engine. For the folder data here, write ./data.',
    "-v ~/data:/data host": '-v: "~/data" starts with ~, which only a shell expands. Write $HOME, or the whole path.',
    "-v :/data host": "-v: the source is empty. Write a folder or file of this host, such as ./data.",
    "-v ./a:data host": '-v: "data" is not an absolute path in the container. Write /data.',
    "-v ./a:/ host": '-v: "/" cannot be mounted over. The folder or archive named as SOURCE is the container\'s root.',
    "-v /a:/b:ro:z host":
      '-v: "/a:/b:ro:z" has too many colons. For paths with a colon use --mount type=bind,source=PATH,target=PATH.',
    "-v /a:/b:z host":
      '-v: the option "z" cannot be honoured. SELinux labels are not changed; label the folder with chcon.',
    "-v /a:/b:cached host": '-v: the option "cached" cannot be honoured. It has no effect on Linux; leave it out.',
    "-v /a:/b:or host": '-v: "or" is not a mount option. Did you mean ro?',
    "-v /a:/b:ro,rw host": '-v: "ro" and "rw" exclude each other. Keep one of them.',
    "-v /a:/b:noexec,exec host": '-v: "noexec" and "exec" exclude each other. Keep one of them.',
    "-v /a:/b: host":
      '-v: "" is not a mount option. Write ro, rw, rro, bind, rbind, private, rprivate, shared, rshared, slave, rslave, exec, noexec, suid, nosuid, dev or nodev.',
    "--mount src=/a,dst=/b host": "--mount: type is missing. Write type=bind or type=tmpfs.",
    "--mount type=volume,src=a,dst=/b host":
      '--mount: type "volume" comes with the engine. For a folder write type=bind.',
    "--mount type=image,dst=/b host": '--mount: "image" is not a type of mount. Write bind or tmpfs.',
    "--mount type=bind,src=/a host":
      '--mount: "type=bind,src=/a" has no target. Write target=PATH, a path in the container.',
    "--mount type=bind,dst=/b host":
      '--mount: "type=bind,dst=/b" has no source. Write source=PATH, a folder or file of this host.',
    "--mount type=bind,src=a,dst=/b host":
      '--mount: src: "a" names a volume, and volumes come with the engine. For the folder a here, write ./a.',
    "--mount type=bind,src=/a,dst=b host": '--mount: dst: "b" is not an absolute path in the container. Write /b.',
    "--mount type=bind,src=/a,dst=/b,tmpfs-size=1m host":
      "--mount: tmpfs-size means nothing for type=bind. It belongs to type=tmpfs.",
    "--mount type=tmpfs,dst=/b,bind-propagation=shared host":
      "--mount: bind-propagation means nothing for type=tmpfs. It belongs to type=bind.",
    "--mount type=tmpfs,dst=/b,tmpfs-size=12q host":
      '--mount: tmpfs-size: "12q" is not a size. Write a number of bytes with an optional unit b, k, m, g or t, such as 64m.',
    "--mount type=tmpfs,dst=/b,tmpfs-mode=9 host":
      '--mount: tmpfs-mode: "9" is not a file mode. Write permission bits in octal, such as 1777.',
    "--mount type=tmpfs,dst=/b,ro=recursive host":
      '--mount: ro: "recursive" means nothing for type=tmpfs. Write readonly alone.',
    "--mount type=bind,src=/a,dst=/b,bind-propagation=share host":
      '--mount: bind-propagation: "share" is not a propagation. Did you mean shared?',
    "--mount type=bind,src=/a,dst=/b,bind-recursive=no host":
      '--mount: bind-recursive: "no" is not a recursion. Write enabled, disabled, writable or readonly.',
    "--mount type=bind,src=/a,dst=/b,ro=maybe host":
      '--mount: ro: "maybe" is neither true nor false. Write true or false.',
    "--mount type=bind,src=/a,dst=/b,z host":
      '--mount: "z" is not a key. Write type, source, target, readonly, bind-propagation, bind-nonrecursive, bind-recursive, tmpfs-size or tmpfs-mode.',
    "--mount type=bind,src=/a,dst host": "--mount: dst has no value. Write dst=VALUE.",
    '--mount type=bind,"src=/a,dst=/b host':
      '--mount: "type=bind,\\"src=/a,dst=/b" has a stray quote. Put a whole field in quotes: "source=/a,b".',
    "--tmpfs run host": '--tmpfs: "run" is not an absolute path in the container. Write /run.',
    "--tmpfs /run:sise=1m host": '--tmpfs: "sise" is not an option of tmpfs. Did you mean size?',
    "--tmpfs /run:zzz host":
      '--tmpfs: "zzz" is not an option of tmpfs. Write some of ro, rw, size, mode, exec, noexec, suid, nosuid, dev, nodev, noatime, nodiratime, relatime, strictatime, uid, gid, nr_inodes, nr_blocks or huge.',
    "--tmpfs /run:size=big host":
      '--tmpfs: "big" is not a size. Write a number of bytes with an optional unit b, k, m, g or t, such as 64m.',
    "--tmpfs /run:mode=rwx host": '--tmpfs: "rwx" is not a file mode. Write permission bits in octal, such as 1777.',
    "--device fuse host":
      '--device: "fuse" is not a device. Write HOST[:CONTAINER][:ACCESS], such as /dev/fuse or /dev/sda:/dev/disk:r; ACCESS is some of r, w and m.',
    "--device /dev/fuse:rr host":
      '--device: "/dev/fuse:rr" is not a device. Write HOST[:CONTAINER][:ACCESS], such as /dev/fuse or /dev/sda:/dev/disk:r; ACCESS is some of r, w and m.',
    "--device /a:/b:x host":
      '--device: "/a:/b:x" is not a device. Write HOST[:CONTAINER][:ACCESS], such as /dev/fuse or /dev/sda:/dev/disk:r; ACCESS is some of r, w and m.',
    "--cap-add NET_ADMN host": '--cap-add: "NET_ADMN" is not a capability. Did you mean NET_ADMIN?',
    "--cap-drop EVERYTHING host":
      '--cap-drop: "EVERYTHING" is not a capability. Write a name of capabilities(7), such as NET_ADMIN, or ALL.',
    "--security-opt seccomp=unconfined host":
      '--security-opt: "seccomp=unconfined" is not supported. The only security option is no-new-privileges[:true|false].',
    "--sysctl kernel.msgmax host":
      '--sysctl: "kernel.msgmax" is not a kernel setting. Write NAME=VALUE, such as net.ipv4.ip_forward=1.',
    "--isolate network host": '--isolate: "network" is not an isolation. Did you mean net?',
    "--isolate sky host":
      '--isolate: "sky" is not an isolation. Write uts, pid, mount, ipc, net, user, cgroup, time, root, limits or caps.',
    "--isolate none,uts host": '--isolate: "none,uts" asks for isolations and for none. Write none alone.',
    "--isolate uts --isolate none host": '--isolate: "none" asks for isolations and for none. Write none alone.',
    "--pid none host": '--pid: "none" is not a mode of the PID namespace. Write host or private.',
    "--ipc container:web host":
      '--ipc: "container:web" would join another namespace, which run cannot. Run the command there with sampan exec.',
    "--uts privat host": '--uts: "privat" is not a mode of the UTS namespace. Did you mean private?',
    "--userns keep-id host": '--userns: "keep-id" is not a mode of the user namespace. Write host or private.',
    "--network bridge host": '--network: "bridge" is not a mode of the network namespace. Write host, none or private.',
    "--time-offset tomorrow host":
      '--time-offset: "tomorrow" is not a time offset. Write seconds, such as 86400, or one clock: monotonic=86400 or boottime=86400.',
    "--time-offset realtime=5 host":
      '--time-offset: "realtime=5" is not a time offset. Write seconds, such as 86400, or one clock: monotonic=86400 or boottime=86400.',
    "--uidmap 0:1000 host": '--uidmap: "0:1000" is not an id map. Write CONTAINER:HOST:SIZE, such as 0:100000:65536.',
    "--uidmap 0:1000:0 host": '--uidmap: "0:1000:0" maps no ids. SIZE is 1 or more.',
    "--gidmap 0:4294967294:2 host": '--gidmap: "0:4294967294:2" runs past the last id. Ids end at 4294967294.',
    "--copy app host": '--copy: "app" does not say where the file goes. Write FILE:PATH, such as ./app:/app.',
    "--copy app:bin host": '--copy: "bin" is not an absolute path in the container. Write /bin.',
    "--copy :/bin host": '--copy: "" is not a path. Write the path of a file or folder on this host.',
    "--explain=yaml host": '--explain: "yaml" is not a format. Write text or json.',
    "--report=xml host": '--report: "xml" is not a format. Write text or json.',
  },
};

function errorOf(words: string): SampanError {
  try {
    parseRun(words === "" ? [] : words.split(" "), parseContext({}, FILES));
  } catch (error) {
    if (error instanceof SampanError) return error;
    throw error;
  }
  throw new Error(`no error: ${words}`);
}

for (const [code, cases] of Object.entries(ERRORS)) {
  describe(`run refuses with ${code}`, () => {
    for (const [words, text] of Object.entries(cases)) {
      test(words === "" ? "(nothing)" : words, () => {
        const error = errorOf(words);
        expect(formatError(error)).toBe(`sampan: ${text}`);
        expect(error.code).toBe(code as ErrorCode);
        expect(error.exitCode).toBe(125);
      });
    }
  });
}
