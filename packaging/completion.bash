# SPDX-License-Identifier: BSD-2-Clause
# bash completion for fluxtap. Commands and options come from the program's own help, so that
# there is no second list of them here.

_fluxtap_words() { # what the help of "fluxtap $@" lists: commands, or long options
	if [ $# -eq 0 ]; then
		fluxtap --help 2>/dev/null | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
	else
		fluxtap "$1" --help 2>/dev/null | grep -oE -- '^  (-.,|   ) --[a-z-]+' | grep -oE -- '--[a-z-]+'
	fi
}

_fluxtap() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_fluxtap_words) --help --version" -- "$word")
		return
	fi
	case $before in
	-i | --interface)
		mapfile -t COMPREPLY < <(compgen -W "$(ls /sys/class/net)" -- "$word") ;;
	-o | --output)
		mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$word") ;;
	--engine)
		mapfile -t COMPREPLY < <(compgen -W 'native kernel' -- "$word") ;;
	--scenario)
		mapfile -t COMPREPLY < <(compgen -W 'single double host' -- "$word") ;;
	--emit)
		mapfile -t COMPREPLY < <(compgen -W 'dns anomaly stats connect churn alert all none' -- "$word") ;;
	--state)
		mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	*)
		if [[ $word == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(_fluxtap_words "${COMP_WORDS[1]}")" -- "$word")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
		fi ;;
	esac
}

complete -o filenames -F _fluxtap fluxtap
