#!/bin/sh
# base.sh CACHE: prints the path of a tar with PostgreSQL and what it needs, from this machine's own Debian sources.
# Packages are unpacked, not installed: no maintainer script runs. The tar is kept in CACHE under a name made of all versions.
set -eu
cache=$1
wanted="postgresql-15 dash coreutils grep sed hostname libc-bin"
# Only maintainer scripts, just-in-time compilation and other languages need these.
unneeded='^(libllvm|libz3|perl|lib.*-perl|libperl|libgdbm|libdb5|postgresql-(client-)?common|ssl-cert|openssl|ucf|debconf|dpkg|tar|usrmerge|adduser|passwd|locales|libc-l10n|lsb-base|netbase|sensible-utils|sysvinit-utils|init-system-helpers|libsemanage|libsepol|libpam-modules)'

mkdir -p "$cache"
work=$(mktemp -d "$cache/postgres-XXXXXX")
trap 'rm -rf "$work"' EXIT
: >"$work/nothing-installed"

# NAME=VERSION of every package that a machine with nothing installed would get.
plan() {
  apt-get --simulate --no-install-recommends -o "Dir::State::status=$work/nothing-installed" install $wanted 2>"$work/errors" |
    sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1=\2/p' | grep -Ev "$unneeded" | sort
}
packages=$(plan)
if [ -z "$packages" ]; then # a machine that has never asked its sources
  apt-get update >&2
  packages=$(plan)
fi
if [ -z "$packages" ]; then
  cat "$work/errors" >&2
  exit 1
fi

key=$(printf '%s\n' "$packages" | cat - "$0" | sha256sum | cut -c 1-16)
tar=$cache/postgres-$key.tar
if [ -e "$tar" ]; then
  echo "$tar"
  exit
fi

mkdir "$work/packages"
(cd "$work/packages" && apt-get -o APT::Sandbox::User=root download $packages >&2)
mkdir -p "$work/root/usr/bin" "$work/root/usr/sbin" "$work/root/usr/lib" "$work/root/usr/lib64"
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$work/root/$folder"; done
for package in "$work"/packages/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory "$work/root" \
    --exclude './usr/share/doc*' --exclude './usr/share/man*' --exclude './usr/share/locale*' --exclude './usr/share/lintian*'
done
ln -sf dash "$work/root/bin/sh"
# The same packages give the same bytes, and so the same image.
tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --directory "$work/root" --file "$work/root.tar" .
mv "$work/root.tar" "$tar"
echo "$tar"
