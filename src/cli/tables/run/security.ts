import type { OptionRow } from "../../grammar.ts";
import { append, type RunDraft } from "../../run-draft.ts";
import { capabilityWords, parseCapabilities } from "../../values/capability.ts";
import { parseSecurityOption } from "../../values/security-option.ts";
import { parseSysctl } from "../../values/sysctl.ts";

const group = "Security";

/** What the command may do. */
export const SECURITY_OPTIONS: readonly OptionRow<RunDraft>[] = [
  {
    name: "cap-add",
    kind: "value",
    value: "CAPABILITY",
    repeats: true,
    choices: capabilityWords(),
    isList: true,
    group,
    summary: "Grant a capability, such as NET_ADMIN, or ALL",
    set: ({ options }, value) => {
      options.capAdd = append(options.capAdd, ...parseCapabilities(value));
    },
  },
  {
    name: "cap-drop",
    kind: "value",
    value: "CAPABILITY",
    repeats: true,
    choices: capabilityWords(),
    isList: true,
    group,
    summary: "Take a capability away, or ALL",
    set: ({ options }, value) => {
      options.capDrop = append(options.capDrop, ...parseCapabilities(value));
    },
  },
  {
    name: "privileged",
    kind: "switch",
    group,
    summary: "All capabilities, all devices, nothing masked: root in there is root out here",
    set: ({ options }, on) => {
      options.privileged = on;
    },
  },
  {
    name: "security-opt",
    kind: "value",
    value: "OPTION",
    repeats: true,
    choices: ["no-new-privileges", "no-new-privileges:true", "no-new-privileges:false"],
    group,
    summary: "no-new-privileges[:true|false]: set-uid programs gain nothing",
    set: ({ options }, value) => {
      options.noNewPrivileges = parseSecurityOption(value).noNewPrivileges;
    },
  },
  {
    name: "sysctl",
    kind: "value",
    value: "NAME=VALUE",
    repeats: true,
    group,
    summary: "Kernel setting of the container's namespaces",
    set: ({ options }, text) => {
      const { name, value } = parseSysctl(text);
      options.sysctls = { ...options.sysctls, [name]: value };
    },
  },
];
