/** Valid programs at random: what `verify` accepts and `encode` and `decode` carry without loss. */
import { ERRNO, type ErrnoName } from "../../src/kernel/index.ts";
import {
  type Argument,
  type Buffer,
  type Bytes,
  type CallArguments,
  type CallName,
  CONTROL_OPERATIONS,
  type ControlName,
  type OperationOptions,
  ProgramBuilder,
  REPORT_WHEN,
  type Register,
  type Shape,
  SIGNATURES,
  type Text,
  type Vector,
} from "../../src/program/index.ts";
import type { Random } from "./random.ts";

const STRINGS = ["", "/", "proc", "/sys/fs/cgroup", "größe", "a\nb", "🐋 \u202e", "x".repeat(300), "\ufeffmark"];
const NUMBERS = [0, 1, -1, -100, 4096, 0xffff_ffff, 2 ** 40, Number.MAX_SAFE_INTEGER, 2n ** 60n, 2n ** 63n];
const CALLS = Object.keys(SIGNATURES) as CallName[];
const CONTROLS = (Object.keys(CONTROL_OPERATIONS) as ControlName[]).filter(
  (name) => name !== "fork" && name !== "exit",
);
/** Their pointers may be strings. */
const STRING_POINTERS = new Set(["prctl", "keyctl"]);
const SCALAR_POINTERS = new Set(["prctl", "ioctl", "keyctl"]);

class Generator {
  readonly #random: Random;
  readonly #b: ProgramBuilder;
  readonly #written: Register[] = [];
  readonly #registers: Register[];
  readonly #buffers: Buffer[];
  /** Places left for fills in the operation under way. */
  #fills = 2;

  constructor(random: Random) {
    this.#random = random;
    this.#b = new ProgramBuilder(random.pick(["x64", "arm64"]));
    this.#registers = Array.from({ length: 1 + random.below(12) }, (_, i) => this.#b.register(`register ${i}`));
    this.#buffers = Array.from({ length: random.below(4) }, (_, i) =>
      this.#b.buffer(`buffer ${i}`, 1 + random.below(40)),
    );
  }

  program() {
    const random = this.#random;
    const label = this.#b.label("container");
    const hasChild = random.chance(60);
    this.#steps();
    // a child has what was written before it was born
    const inherited = [...this.#written];
    if (hasChild) this.#fork(label);
    this.#steps();
    if (random.chance(50)) this.#b.finally();
    this.#b.exit(random.below(256), "the end of the executor");
    if (hasChild) {
      this.#b.place(label);
      this.#written.splice(0, this.#written.length, ...inherited);
      this.#steps();
      this.#b.exit(this.#written[0] ?? 0, "the end of the container");
    }
    const when = random.pick(Object.keys(REPORT_WHEN) as (keyof typeof REPORT_WHEN)[]);
    return this.#b.build(random.chance(50) ? { argv: ["/usr/bin/sampan", "report"], when } : undefined);
  }

  #fork(label: Parameters<ProgramBuilder["fork"]>[0]): void {
    const pidfd = this.#random.chance(50) ? this.#random.pick(this.#registers) : undefined;
    this.#b.fork(label, "a child", { flags: 0x2_0000, pidfd, janitor: this.#random.chance(50) });
    if (pidfd) this.#written.push(pidfd);
  }

  #steps(): void {
    for (let n = this.#random.below(8); n > 0; n--) this.#step();
  }

  #step(): void {
    this.#fills = 2;
    const why = this.#random.pick(STRINGS);
    if (this.#random.chance(70)) {
      const name = this.#random.pick(CALLS);
      const args = SIGNATURES[name].map((type) => this.#typed(name, type));
      this.#b.call(name, args as readonly Argument[] as CallArguments<typeof name>, why, this.#options());
    } else {
      const name = this.#random.pick(CONTROLS);
      const args = CONTROL_OPERATIONS[name].arguments.map(({ shape }) => this.#shaped(name, shape));
      this.#b.control(name, args, why, this.#options());
    }
  }

  #typed(name: CallName, type: string): Argument {
    if (type === "path") return this.#random.chance(20) ? null : this.#text();
    if (type !== "pointer") return this.#value();
    if (STRING_POINTERS.has(name)) return this.#random.chance(50) ? this.#text() : this.#bytes();
    // zero is a number there, and no null pointer
    if (SCALAR_POINTERS.has(name)) return this.#random.pick([this.#value(), this.#bytes(), ...this.#buffers]);
    return this.#random.pick([null, this.#bytes(), ...this.#buffers]);
  }

  #shaped(name: ControlName, shape: Shape): Argument {
    if (shape === "vector") return this.#vector();
    if (shape === "data") return this.#random.pick(["", "/cgroup.procs", ...this.#buffers]);
    // a terminal's settings would have to fit
    if (shape === "number") return name === "supervise" ? 4 : this.#random.below(100);
    return this.#value();
  }

  #value(): number | bigint | Register {
    if (this.#written.length > 0 && this.#random.chance(50)) return this.#random.pick(this.#written);
    return this.#random.pick(NUMBERS);
  }

  #text(): string | Text {
    const register = this.#written[0];
    if (register === undefined || this.#fills === 0 || this.#random.chance(70)) return this.#random.pick(STRINGS);
    this.#fills--;
    return this.#b.text(this.#random.pick(STRINGS), register);
  }

  #vector(): Vector {
    return { kind: "vector", values: Array.from({ length: this.#random.below(5) }, () => this.#text()) };
  }

  #bytes(): Bytes {
    const value = this.#random.bytes(12 + this.#random.below(30));
    const register = this.#written[0];
    if (register === undefined || this.#fills === 0 || this.#random.chance(60)) return { kind: "bytes", value };
    this.#fills--;
    const as = this.#random.pick(["u32", "u64", "padded"] as const);
    const width = { u32: 4, u64: 8, padded: 11 }[as];
    return { kind: "bytes", value, fills: [{ at: this.#random.below(value.length - width + 1), register, as }] };
  }

  #options(): OperationOptions {
    const random = this.#random;
    const result = random.chance(60) ? random.pick(this.#registers) : undefined;
    const condition = random.chance(20) ? random.pick(this.#registers) : undefined;
    const accepts = Array.from({ length: random.below(5) }, () => random.pick(Object.keys(ERRNO) as ErrnoName[]));
    const loads = this.#loads();
    if (result) this.#written.push(result);
    return {
      result,
      ...(condition ? { [random.pick(["when", "unless"])]: condition } : {}),
      accepts: accepts.length > 0 ? accepts : undefined,
      loads: loads.length > 0 ? loads : undefined,
      goOn: random.chance(10) || undefined,
      retryBusy: random.chance(10) || undefined,
    };
  }

  #loads() {
    const buffer = this.#buffers.find(({ size }) => size >= 4);
    if (buffer === undefined || this.#fills === 0 || this.#random.chance(70)) return [];
    const register = this.#random.pick(this.#registers);
    this.#written.push(register);
    return [{ buffer, at: this.#random.below(buffer.size - 3), register }];
  }
}

/** A program that obeys every rule of `verify`. */
export function randomProgram(random: Random) {
  return new Generator(random).program();
}
