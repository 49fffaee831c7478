/** A process of its own that opens an archive and prints where it is: `open-in-process.ts ARCHIVE CACHE`. */
import { openArchive } from "../../src/image/index.ts";

const [path = "", cacheDir = ""] = process.argv.slice(2);
const platform = { os: "linux", architecture: "amd64" };
const { rootfs } = await openArchive(path, { cacheDir, platform, helpers: { runProgram: async () => {} } });
process.stdout.write(rootfs);
