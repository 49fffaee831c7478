import { describe, expect, test } from "bun:test";
import { SampanError } from "../errors/index.ts";
import { checkPropagation } from "./propagation.ts";

const TABLE = [
  "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
  "23 22 0:30 / /srv rw,relatime shared:7 - tmpfs none rw",
  "24 22 0:31 / /srv2 rw,relatime master:7 - tmpfs none rw",
  "25 23 0:32 / /srv/own rw,relatime - tmpfs none rw",
  "",
].join("\n");

function check(source: string, propagation: "rshared" | "shared" | "slave" | "rslave" | "rprivate"): string {
  try {
    checkPropagation({ type: "bind", source, target: "/x", propagation }, TABLE);
    return "fine";
  } catch (error) {
    return error instanceof SampanError ? `${error.message}. ${error.hint}` : String(error);
  }
}

describe("the propagation of a bind", () => {
  test("is had from a shared mount, and from what lies on it", () => {
    expect(["/srv", "/srv/data"].map((path) => check(path, "rshared"))).toEqual(["fine", "fine"]);
    expect(check("/srv/data", "slave")).toBe("fine");
  });

  test("can be a slave's of a slave, but not shared with it", () => {
    expect(check("/srv2", "rslave")).toBe("fine");
    expect(check("/srv2", "shared")).toStartWith("/srv2 cannot be mounted shared: it lies on /srv2,");
  });

  test("is refused on a mount that shares nothing, with the way out", () => {
    expect(check("/tmp", "rshared")).toBe(
      "/tmp cannot be mounted rshared: it lies on /, which is no shared mount. Share it first: mount --make-shared /. Or leave rshared out.",
    );
    expect(check("/srv/own/deep", "slave")).toContain("it lies on /srv/own,");
  });

  test("is nobody's business when it is private", () => {
    expect(check("/tmp", "rprivate")).toBe("fine");
  });
});
