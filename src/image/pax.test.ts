import { expect, test } from "bun:test";
import { decodePax } from "./pax.ts";

const decode = (text: string) => ({ ...decodePax(Buffer.from(text, "latin1")) });

test("records are read byte for byte, with equals signs and line breaks in values", () => {
  expect(decode("9 a=b=c\n\n11 key=\xff\0\xfe\n")).toEqual({ a: "b=c\n", key: "\xff\0\xfe" });
});

test("the last of several records for one keyword counts", () => {
  expect(decode("6 a=1\n6 a=2\n")).toEqual({ a: "2" });
});

test("zeros after the last record are padding", () => {
  expect(decode("6 a=1\n\0\0\0")).toEqual({ a: "1" });
});

for (const text of [
  "7 a=1\n",
  "5 a=1\n",
  "x a=1\n",
  " a=1\n",
  "0 a=1\n",
  "-6 a=1\n",
  "99999999999999 a=1\n",
  "4 =1\n",
  "6 abcd",
  "4 a\n",
  "12",
])
  test(`${JSON.stringify(text)} is malformed`, () => {
    expect(() => decode(text)).toThrow("malformed extended header");
  });
