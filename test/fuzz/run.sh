#!/bin/sh
# Fuzzes the two readers of programs: the executor's verifier (libFuzzer) and the TypeScript decoder, and compares them.
# usage: test/fuzz/run.sh SECONDS     each part takes that long; anything but 0 is a finding
set -eu

seconds=${1:?usage: test/fuzz/run.sh SECONDS}
seed=${SEED:-$(date +%s)}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$root"
bun=${BUN:-node_modules/.bin/bun}
out=dist/fuzz
mkdir -p "$out/corpus"

sanitizers="-g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all"
sources="native/verify.c -Inative"
failed=0

# A driver without libFuzzer is enough to compare verdicts; sanitizers when the compiler has them.
verifier=
for attempt in "clang $sanitizers -fsanitize=address,undefined" "cc $sanitizers -fsanitize=address,undefined" "cc -O1"; do
	if $attempt $sources test/fuzz/verify-main.c -o "$out/verify-main" 2>"$out/verify-main.log"; then
		verifier=$out/verify-main
		break
	fi
done
[ -n "$verifier" ] || echo "fuzz: SKIPPED comparing with the executor's verifier: no C compiler works (see $out/verify-main.log)"

if ! command -v clang >/dev/null 2>&1; then
	echo "fuzz: SKIPPED fuzz-verify: clang is not installed"
	# Where everything is to be there, a part that is left out is a failure.
	[ "${CI:-}" != true ] || exit 1
elif ! clang $sanitizers -fsanitize=fuzzer,address,undefined $sources test/fuzz/fuzz-verify.c -o "$out/fuzz-verify" \
	2>"$out/fuzz-verify.log"; then
	if echo 'int LLVMFuzzerTestOneInput(const char *b, unsigned long n) { return b && n && 0; }' |
		clang -x c -fsanitize=fuzzer,address,undefined - -o "$out/probe" 2>/dev/null; then
		cat "$out/fuzz-verify.log" >&2
		echo "fuzz: fuzz-verify does not compile" >&2
		failed=1
	else
		echo "fuzz: SKIPPED fuzz-verify: this clang has no libFuzzer (compiler-rt)"
	fi
else
	"$bun" test/fuzz/fuzz-decode.ts --corpus "$out/corpus" --seed "$seed"
	echo "fuzz: fuzz-verify for $seconds s"
	if "$out/fuzz-verify" -max_total_time="$seconds" -seed="$((seed % 2147483647))" -max_len=65536 -timeout=5 \
		-print_final_stats=1 -verbosity=0 -artifact_prefix="$out/finding-" "$out/corpus" >"$out/fuzz-verify.log" 2>&1; then
		grep -E 'number_of_executed_units' "$out/fuzz-verify.log" || true
	else
		cat "$out/fuzz-verify.log" >&2
		failed=1
	fi
fi

echo "fuzz: fuzz-decode for $seconds s"
"$bun" test/fuzz/fuzz-decode.ts --seconds "$seconds" --seed "$seed" --artifacts "$out" ${verifier:+--verifier "$verifier"} || failed=1

[ "$failed" -eq 0 ] || echo "fuzz: there are findings" >&2
exit "$failed"
