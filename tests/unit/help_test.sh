#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The program's own help, its exit codes for bad usage, and the completion that reads that help.
set -u
cd "$(dirname "$0")/../.." || exit 1
fluxtap=${FLUXTAP:-$PWD/build/fluxtap}
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT
n=0

ok() { # NAME COMMAND…
	local name=$1 result=ok
	shift
	"$@" >"$tmp/out" 2>&1 || result='not ok'
	n=$((n + 1))
	echo "$result $n - $name"
	[ "$result" = ok ] || sed 's/^/# /' "$tmp/out"
}

ends_with() { # STATUS COMMAND…
	local want=$1 status
	shift
	"$@" </dev/null
	status=$?
	[ $status -eq "$want" ] || { echo "exit status $status, not $want"; return 1; }
}

one_line_says() { # PATTERN COMMAND…: one line on standard error, and it says that
	local pattern=$1
	shift
	"$@" 2>&1 >/dev/null </dev/null | tee "$tmp/err" | grep -qE -- "$pattern" &&
		[ "$(wc -l <"$tmp/err")" -eq 1 ]
}

commands=$("$fluxtap" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
ok 'the help names the commands' test "$(wc -w <<<"$commands")" -ge 8
ok '--version' ends_with 0 "$fluxtap" --version
ok 'no command is bad usage' ends_with 2 "$fluxtap"
ok 'an unknown command is bad usage' ends_with 2 "$fluxtap" fly
for command in $commands; do
	ok "$command --help" ends_with 0 "$fluxtap" "$command" --help
	ok "$command -h" ends_with 0 "$fluxtap" "$command" -h
	ok "$command refuses an unknown option" ends_with 2 "$fluxtap" "$command" --no-such-option
done

printf 'eve:\n  path: here\n' >"$tmp/bad.yaml"
ok 'a bad configuration ends with 2' ends_with 2 "$fluxtap" run --check-config -c "$tmp/bad.yaml"
ok 'and names file, line and key' \
	one_line_says "$tmp/bad.yaml:2: eve.path: " "$fluxtap" run --check-config -c "$tmp/bad.yaml"
ok 'the sample is accepted' ends_with 0 "$fluxtap" run --check-config -c packaging/fluxtap.yaml
"$fluxtap" run --check-config -v -c packaging/fluxtap.yaml >"$tmp/printed.yaml" 2>/dev/null
ok 'what it prints is accepted as well' \
	ends_with 0 "$fluxtap" run --check-config -c "$tmp/printed.yaml"

# shellcheck source=/dev/null
. packaging/completion.bash
PATH=$(dirname "$fluxtap"):$PATH
complete_words() { # WORD… : what is offered for the last one
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_fluxtap
	printf '%s\n' "${COMPREPLY[@]}"
}
ok 'completion offers commands' grep -qx replay <(complete_words fluxtap re)
ok 'completion offers options' grep -qx -- --check-config <(complete_words fluxtap run --ch)
ok 'completion offers interfaces' grep -qx lo <(complete_words fluxtap run -i l)
ok 'completion offers engines' grep -qx kernel <(complete_words fluxtap replay --engine k)
echo "1..$n"
