/** The usual frame of these tests: one place and one root file system for all tests of a file, as root. */
import { afterAll, beforeAll } from "bun:test";
import { describeUnless } from "../../support/skip.ts";
import { missingForRoot } from "./needs.ts";
import { joined, Place, type Ran } from "./place.ts";
import type { Look, Said } from "./probe.ts";

export interface Scene {
  readonly place: Place;
  readonly rootfs: string;
  look(...options: string[]): Promise<Look>;
  probe(options: readonly string[], ...actions: readonly string[][]): Promise<Said[]>;
  /** Runs the probe, whatever becomes of it. */
  run(options: readonly string[], ...actions: readonly string[][]): Promise<Ran>;
}

export function describeInPlace(title: string, body: (scene: Scene) => void): void {
  describeUnless(missingForRoot())(title, () => {
    let place: Place;
    let rootfs: string;
    beforeAll(() => {
      place = new Place();
      rootfs = place.makeRootfs();
    });
    afterAll(() => place[Symbol.dispose]());
    body({
      get place() {
        return place;
      },
      get rootfs() {
        return rootfs;
      },
      look: (...options) => place.look(rootfs, ...options),
      probe: (options, ...actions) => place.probe(rootfs, options, ...actions),
      run: (options, ...actions) => place.run([...options, rootfs, "/bin/probe", ...joined(actions)]),
    });
  });
}

/** Steps differ from program to program. */
export function withoutStep(text: string): string {
  return text.replace(/step \d+ of \d+/, "step N");
}
