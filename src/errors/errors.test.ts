import { expect, test } from "bun:test";
import { formatError, SampanError } from "./index.ts";

test("an error is a value with a code and details", () => {
  const cause = new Error("deep");
  const error = new SampanError("MOUNT_FAILED", "cannot mount it", { errno: "EPERM", object: "/x", cause });
  expect(error).toBeInstanceOf(Error);
  expect([error.name, error.code, error.message]).toEqual(["SampanError", "MOUNT_FAILED", "cannot mount it"]);
  expect(error.details).toEqual({ errno: "EPERM", object: "/x", cause });
  expect(error.cause).toBe(cause);
});

test("an error without a cause has none, not an undefined one", () => {
  expect("cause" in new SampanError("INTERNAL", "x")).toBe(false);
});

test("the exit status is 125, unless it is the command's fault", () => {
  expect(new SampanError("INTERNAL", "x").exitCode).toBe(125);
  expect(new SampanError("COMMAND_NOT_FOUND", "x", { exitCode: 127 }).exitCode).toBe(127);
});

test("an error is printed on one line, ends in one full stop, and says the way out", () => {
  expect(formatError(new SampanError("INTERNAL", "it broke"))).toBe("sampan: it broke.");
  expect(formatError(new SampanError("INTERNAL", "it broke."))).toBe("sampan: it broke.");
  expect(formatError(new SampanError("INTERNAL", "it broke", { hint: "Mend it." }))).toBe("sampan: it broke. Mend it.");
});
