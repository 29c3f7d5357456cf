#!/bin/sh
':' //; unset OPEN_FDS_OF_STRATA; case "$*${LISTEN_FDS:+-fds}" in *-fds*) for fd in /proc/self/fd/*; do [ -e "$fd" ] && [ ! "$fd" -ef "$0" ] && OPEN_FDS_OF_STRATA="$OPEN_FDS_OF_STRATA ${fd##*/}" && export OPEN_FDS_OF_STRATA; done ;; esac; here="$0"; [ ! -L "$0" ] || here="$(readlink -f "$0")"; dist="${here%/*}/../dist"; with="$dist/bundle/node" node=node flags= main="$0"; [ ! -f "$with" ] || { read -r built < "$with"; [ ! -x "$built" ] || [ "$built" -nt "$with" ] || [ "$built" -ot "$with" ] || { node="$built" flags="--no-rehash-snapshot --no-verify-snapshot-checksum --interrupt-budget=1000000 --no-sparkplug --min-semi-space-size=4" begin="$dist/bundle/strata-runtime.start.cjs"; [ ! -f "$begin" ] || main="$begin"; for room in "$dist/.tsbuildinfo"/*; do [ ! "$room" -nt "$begin" ] || main="$0"; done; }; }; NODE_EXTRA_CA_CERTS= exec "$node" $flags -- "$main" "$@"
// The line above is for the shell alone: see strata.js. Nothing here connects to anybody. It also says which descriptors the caller has given us,
// before node opens its own: only --preserve-fds and service managers need to know.
"use strict";
require("./start.js").start("strata-runtime", "cli/runtime-main.js");
