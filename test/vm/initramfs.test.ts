import { expect, test } from "bun:test";
import { librariesIn } from "./initramfs.ts";

test("libraries and the dynamic linker are found, the kernel's own object is not", () => {
  const ldd = `	linux-vdso.so.1 (0x00007fb5ecc4e000)
	libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007fb5eca5a000)
	/lib64/ld-linux-x86-64.so.2 (0x00007fb5ecc50000)
	libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007fb5ec970000)
`;
  expect(librariesIn(ldd)).toEqual([
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/x86_64-linux-gnu/libm.so.6",
  ]);
});
