#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Install everything but the program: install.sh DESTDIR PREFIX SYSCONFDIR
set -eu
cd "$(dirname "$0")/.."
destdir=$1 prefix=$2 sysconfdir=$3
here=packaging

put() { # MODE SOURCE TARGET
	install -D -m "$1" "$2" "$destdir$3"
}

# A configuration that is there already stays; the new sample goes beside it.
config=$sysconfdir/fluxtap/fluxtap.yaml
if [ -e "$destdir$config" ] && ! cmp -s $here/fluxtap.yaml "$destdir$config"; then
	config=$config.new
fi
put 644 $here/fluxtap.yaml "$config"

unit=$(mktemp)
trap 'rm -f "$unit"' EXIT
sed -e "s|@PREFIX@|$prefix|g" -e "s|@SYSCONFDIR@|$sysconfdir|g" $here/fluxtap.service >"$unit"
# systemd looks below /usr/lib for packages and below /etc for what was installed by hand
case $prefix in
/usr) base=/usr/lib ;;
*) base=$sysconfdir ;;
esac
put 644 "$unit" "$base/systemd/system/fluxtap.service"
put 644 $here/fluxtap.sysusers "$base/sysusers.d/fluxtap.conf"
put 644 $here/fluxtap.tmpfiles "$base/tmpfiles.d/fluxtap.conf"

for page in docs/man/*.[1-8]; do
	[ -e "$page" ] || continue
	put 644 "$page" "$prefix/share/man/man${page##*.}/${page##*/}"
done
if [ -e $here/completion.bash ]; then
	put 644 $here/completion.bash "$prefix/share/bash-completion/completions/fluxtap"
fi

# On the running system only: the user and the directories. Nothing is started.
[ -z "$destdir" ] && [ "$(id -u)" -eq 0 ] || exit 0
if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers "$base/sysusers.d/fluxtap.conf"
	systemd-tmpfiles --create "$base/tmpfiles.d/fluxtap.conf"
fi
