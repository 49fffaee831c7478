// Only the test runner's types: Bun's globals must stay unknown to src/, which runs on Node too.
/// <reference path="../../node_modules/bun-types/test.d.ts" />
