/**
 * Damages encoded programs and decodes them. A finding is anything but a program or a SampanError with the code
 * PROGRAM_INVALID, a decoding that takes longer than a second, a program that is not the same after another round trip,
 * or a verdict that differs from the executor's own verifier.
 *
 * ```
 * fuzz-decode.ts (--count N | --seconds S) [--seed N] [--verifier FILE] [--artifacts FOLDER]
 * fuzz-decode.ts --corpus FOLDER      writes some images as a corpus for libFuzzer
 * ```
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { SampanError } from "../../src/errors/index.ts";
import { checkImage } from "../../src/program/image-check.ts";
import { type Architecture, decode, encode, explain, explainJson, type Program } from "../../src/program/index.ts";
import { mutate } from "../support/mutate.ts";
import { Random } from "../support/random.ts";
import { randomProgram } from "../support/random-program.ts";

const BATCH = 500;
const SLOWEST_MS = 1000;

class Finding extends Error {
  readonly image: Uint8Array;

  constructor(message: string, image: Uint8Array, cause?: unknown) {
    super(message, { cause });
    this.image = image;
  }
}

/** The program, or undefined when the image was refused as it should be. */
function decodeOrRefuse(image: Uint8Array): Program | undefined {
  const started = performance.now();
  let program: Program | undefined;
  try {
    program = decode(image);
  } catch (error) {
    if (!(error instanceof SampanError) || error.code !== "PROGRAM_INVALID")
      throw new Finding(`decode threw ${String(error)}`, image, error);
  }
  const ms = performance.now() - started;
  if (ms > SLOWEST_MS) throw new Finding(`decode took ${Math.round(ms)} ms`, image);
  return program;
}

/** What was decoded can be printed, and encoded and decoded again without a change. */
function checkProgram(program: Program, image: Uint8Array): void {
  try {
    explain(program);
    JSON.stringify(explainJson(program));
  } catch (error) {
    throw new Finding(`explain threw ${String(error)}`, image, error);
  }
  let again: Program;
  try {
    again = decode(encode(program).image);
  } catch (error) {
    throw new Finding(`another round trip threw ${String(error)}`, image, error);
  }
  if (!isDeepStrictEqual(again, program)) throw new Finding("another round trip changed the program", image);
}

function checkDecoder(image: Uint8Array): void {
  const program = decodeOrRefuse(image);
  if (program === undefined) return;
  if (checkImage(image) !== undefined) throw new Finding("decode accepts what the rules refuse", image);
  checkProgram(program, image);
}

/** The executor's verdicts, one for each image. */
function verdicts(verifier: string, images: readonly Uint8Array[]): readonly string[] {
  const input = Buffer.concat(
    images.flatMap((image) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(image.length);
      return [length, Buffer.from(image)];
    }),
  );
  const { status, signal, stdout, stderr, error } = spawnSync(verifier, { input, maxBuffer: 1 << 26 });
  if (error) throw error;
  if (status !== 0) throw new Error(`the verifier ended with ${signal ?? status}: ${stderr.toString()}`);
  return stdout.toString().trimEnd().split("\n");
}

function checkAgreement(verifier: string, images: readonly Uint8Array[], architecture: Architecture): void {
  const theirs = verdicts(verifier, images);
  if (theirs.length !== images.length)
    throw new Error(`the verifier gave ${theirs.length} verdicts on ${images.length} images`);
  for (const [i, image] of images.entries()) {
    const ours = checkImage(image, architecture)?.reason ?? "ok";
    if (ours !== theirs[i]) throw new Finding(`the executor says "${theirs[i]}", TypeScript says "${ours}"`, image);
  }
}

interface Limits {
  readonly count: number;
  readonly until: number;
}

function fuzz(seed: number, limits: Limits, verifier: string | undefined): number {
  const random = new Random(seed);
  const architecture = process.arch === "arm64" ? "arm64" : "x64";
  let done = 0;
  while (done < limits.count && performance.now() < limits.until) {
    const images: Uint8Array[] = [];
    for (let i = 0; i < Math.min(BATCH, limits.count - done); i += 10) {
      const { image } = encode(randomProgram(random));
      for (let j = 0; j < 10; j++) images.push(mutate(image, random));
    }
    for (const image of images) checkDecoder(image);
    if (verifier !== undefined) checkAgreement(verifier, images, architecture);
    done += images.length;
  }
  return done;
}

function writeCorpus(folder: string, seed: number): void {
  mkdirSync(folder, { recursive: true });
  const random = new Random(seed);
  for (let i = 0; i < 64; i++) writeFileSync(`${folder}/program-${i}`, encode(randomProgram(random)).image);
}

function report(finding: Finding, seed: number, folder: string): void {
  const file = `${folder}/finding-${Date.now()}.bin`;
  writeFileSync(file, finding.image);
  console.error(`fuzz-decode: ${finding.message} (seed ${seed}); the image is in ${file}`);
  if (finding.cause) console.error(finding.cause);
  process.exitCode = 1;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      count: { type: "string" },
      seconds: { type: "string" },
      seed: { type: "string", default: "1" },
      verifier: { type: "string" },
      corpus: { type: "string" },
      artifacts: { type: "string", default: "." },
    },
  });
  const seed = Number(values.seed);
  if (values.corpus !== undefined) {
    writeCorpus(values.corpus, seed);
    return;
  }
  if (values.count === undefined && values.seconds === undefined) throw new TypeError("give --count or --seconds");
  const limits = {
    count: values.count === undefined ? Number.POSITIVE_INFINITY : Number(values.count),
    until: values.seconds === undefined ? Number.POSITIVE_INFINITY : performance.now() + Number(values.seconds) * 1000,
  };
  try {
    const done = fuzz(seed, limits, values.verifier);
    console.log(`fuzz-decode: ${done} images, no finding (seed ${seed})`);
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    report(error, seed, values.artifacts);
  }
}

main();
