import { afterAll, describe, expect } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { firstReason, missingFile, testUnless } from "../support/skip.ts";
import { type Block, parsePage } from "./page.ts";
import { reasonToSkip, runBlock } from "./run-block.ts";
import { makePlace, ORDINARY_USER, type Place, Session } from "./session.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const notBuilt = firstReason(
  missingFile(`${ROOT}dist/sampan`, "run `make build`"),
  missingFile(`${ROOT}dist/sampan-executor`, "run `make build`"),
);

function titleOf({ line, commands }: Block): string {
  return `line ${line}: ${commands[0]?.text.split("\n")[0] ?? "empty"}`;
}

/** One session for whoever runs the tests, and one for the ordinary user, each made when it is first needed. */
class Sessions {
  readonly #open = new Map<number | undefined, { place: Place; session: Session }>();

  of(block: Block): Session {
    const uid = block.directives.user && process.getuid?.() === 0 ? ORDINARY_USER : undefined;
    const known = this.#open.get(uid);
    if (known !== undefined) return known.session;
    const place = makePlace(`${ROOT}dist`, uid);
    const session = new Session(place);
    this.#open.set(uid, { place, session });
    return session;
  }

  [Symbol.dispose](): void {
    for (const { place, session } of this.#open.values()) {
      session[Symbol.dispose]();
      place[Symbol.dispose]();
    }
  }
}

for (const path of globSync("docs/tutorial/*.md", { cwd: ROOT }).sort()) {
  describe(path, () => {
    const sessions = new Sessions();
    afterAll(() => sessions[Symbol.dispose]());
    for (const block of parsePage(readFileSync(ROOT + path, "utf8"))) {
      testUnless(firstReason(notBuilt, reasonToSkip(block)))(titleOf(block), async () => {
        const mismatch = await runBlock(sessions.of(block), block);
        const where = mismatch && `${path}:${mismatch.line}: ${mismatch.command}`;
        expect({ where, output: mismatch?.actual }).toEqual({ where, output: mismatch?.expected });
      });
    }
  });
}
