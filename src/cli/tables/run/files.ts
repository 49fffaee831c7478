import type { OptionRow } from "../../grammar.ts";
import { append, type RunDraft } from "../../run-draft.ts";
import { parseCopy } from "../../values/copy.ts";
import { parseDevice } from "../../values/device.ts";
import { parseMount } from "../../values/mount.ts";
import { parsePositiveSize } from "../../values/size.ts";
import { parseTmpfs } from "../../values/tmpfs.ts";
import { parseVolume } from "../../values/volume.ts";

const group = "Files";

/** What the container sees of files and devices. */
export const FILE_OPTIONS: readonly OptionRow<RunDraft>[] = [
  {
    name: "volume",
    short: "v",
    kind: "value",
    value: "SOURCE:TARGET[:OPTIONS]",
    repeats: true,
    completes: "folder",
    group,
    summary: "Show a folder or file of the host; options such as ro, rro, noexec, rslave",
    set: ({ options }, value, { cwd }) => {
      options.mounts = append(options.mounts, parseVolume(value, cwd));
    },
  },
  {
    name: "mount",
    kind: "value",
    value: "type=TYPE,KEY=VALUE",
    repeats: true,
    choices: ["type=bind,source=", "type=tmpfs,target="],
    group,
    summary: "Mount with every detail: type=bind,source=./data,target=/data,readonly",
    set: ({ options }, value, { cwd }) => {
      options.mounts = append(options.mounts, parseMount(value, cwd));
    },
  },
  {
    name: "tmpfs",
    kind: "value",
    value: "PATH[:OPTIONS]",
    repeats: true,
    group,
    summary: "Empty file system in memory; options such as size=64m, mode=1777, exec",
    set: ({ options }, value) => {
      options.mounts = append(options.mounts, parseTmpfs(value));
    },
  },
  {
    name: "copy",
    kind: "value",
    value: "FILE:PATH",
    repeats: true,
    completes: "file",
    group,
    summary: "Put a copy of a file into the container",
    set: ({ options }, value, { cwd }) => {
      options.copies = append(options.copies, parseCopy(value, cwd));
    },
  },
  {
    name: "read-only",
    kind: "switch",
    group,
    summary: "Make the root file system read-only",
    set: ({ options }, on) => {
      options.readOnly = on;
    },
  },
  {
    name: "in-place",
    kind: "switch",
    conflicts: ["layer-size"],
    group,
    summary: "Change the SOURCE folder itself instead of a layer over it",
    set: ({ options }, on) => {
      options.inPlace = on;
    },
  },
  {
    name: "layer-size",
    kind: "value",
    value: "SIZE",
    group,
    summary: "Room for what the container writes; default half of the memory",
    set: ({ options }, value) => {
      options.layerSizeBytes = parsePositiveSize(value);
    },
  },
  {
    name: "shm-size",
    kind: "value",
    value: "SIZE",
    group,
    summary: "Size of /dev/shm",
    set: ({ options }, value) => {
      options.shmSizeBytes = parsePositiveSize(value);
    },
  },
  {
    name: "device",
    kind: "value",
    value: "HOST[:CONTAINER][:rwm]",
    repeats: true,
    completes: "file",
    group,
    summary: "Allow a device of the host: read, write, mknod",
    set: ({ options }, value) => {
      options.devices = append(options.devices, parseDevice(value));
    },
  },
];
