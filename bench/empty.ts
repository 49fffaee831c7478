// Nothing: what an executable of Bun costs before the first line of ours.
export {};
