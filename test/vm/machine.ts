/** A small virtual machine, emulated: it needs neither KVM nor root. */
import { spawn } from "node:child_process";

export interface Machine {
  readonly kernel: string;
  readonly initramfs: string;
  /** Added to the kernel's command line. */
  readonly parameters: readonly string[];
  readonly memoryMiB: number;
  readonly timeoutMs: number;
}

export interface Session {
  /** Everything that came out of the serial port. */
  readonly console: string;
  readonly timedOut: boolean;
  readonly seconds: number;
}

/**
 * microvm has no firmware tables with acpi=off, and so one processor; `-cpu max` has what Bun's build for x86-64 needs.
 * `reboot=t` is a triple fault, the one way to end this machine from inside; `-no-reboot` makes that the end of QEMU.
 */
function qemuArguments({ kernel, initramfs, parameters, memoryMiB }: Machine): string[] {
  const command = ["console=ttyS0", "loglevel=1", "reboot=t", "panic=-1", ...parameters].join(" ");
  return [
    ...["-M", "microvm,acpi=off", "-accel", "tcg", "-cpu", "max", "-m", String(memoryMiB)],
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"],
    ...["-kernel", kernel, "-initrd", initramfs, "-append", command],
  ];
}

/** Boots it, and resolves when it has ended or was ended at the time limit. */
export function boot(machine: Machine): Promise<Session> {
  const started = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<Session>();
  const qemu = spawn("qemu-system-x86_64", qemuArguments(machine), { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  let timedOut = false;
  for (const stream of [qemu.stdout, qemu.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      text += chunk;
    });
  }
  const timer = setTimeout(() => {
    timedOut = true;
    qemu.kill("SIGKILL");
  }, machine.timeoutMs);
  qemu.on("error", reject);
  qemu.on("close", () => {
    clearTimeout(timer);
    resolve({ console: text, timedOut, seconds: (performance.now() - started) / 1000 });
  });
  return promise;
}
