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
# Prints the tar, if need be after making it; fails where the lists of packages are missing or too old.
make() {
  packages=$(plan)
  [ -n "$packages" ] || return 1
  tar=$cache/postgres-$(printf '%s\n' "$packages" | cat - "$0" | sha256sum | cut -c 1-16).tar
  [ -e "$tar" ] || { fetch && unpack && mv "$work/root.tar" "$tar"; } || return 1
  echo "$tar"
}

fetch() {
  mkdir -p "$work/packages"
  (cd "$work/packages" && apt-get -o APT::Sandbox::User=root download $packages >&2)
}

# The same packages give the same bytes, and so the same image.
unpack() {
  root=$work/root
  mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64"
  for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
  for package in "$work"/packages/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory "$root" \
      --exclude './usr/share/doc*' --exclude './usr/share/man*' --exclude './usr/share/locale*' --exclude './usr/share/lintian*'
  done
  ln -sf dash "$root/bin/sh"
  tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --directory "$root" --file "$work/root.tar" .
}

if ! make; then
  apt-get update >&2
  rm -rf "$work/packages"
  make || { cat "$work/errors" >&2; exit 1; }
fi
