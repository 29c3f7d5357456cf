#!/bin/sh
':' //; unset STRATA_EXTRA_CA_CERTS; node=node flags= main="$0"; case "$1" in build|run|create|exec|start|restart|stop|kill|rm|ps|attach|logs|inspect|cp|diff|port|pause|unpause|rename|top|stats|update|wait|volume|network|images|tag|rmi|history) here="$0"; [ ! -L "$0" ] || here="$(readlink -f "$0")"; dist="${here%/*}/../dist"; with="$dist/bundle/node"; [ ! -f "$with" ] || { read -r built < "$with"; [ ! -x "$built" ] || [ "$built" -nt "$with" ] || [ "$built" -ot "$with" ] || { node="$built" flags="--no-rehash-snapshot --no-verify-snapshot-checksum --interrupt-budget=1000000 --no-sparkplug --min-semi-space-size=4" begin="$dist/bundle/strata.start.cjs"; [ ! -f "$begin" ] || main="$begin"; for room in "$dist/.tsbuildinfo"/*; do [ ! "$room" -nt "$begin" ] || main="$0"; done; }; }; [ -z "$NODE_EXTRA_CA_CERTS" ] || export STRATA_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS" NODE_EXTRA_CA_CERTS= ;; esac; exec "$node" $flags -- "$main" "$@"
// The line above is for the shell alone, which starts sooner than env(1). Node would read those authorities at every start, twice as
// long as the start itself: commands that seldom connect read them when they do (see cli/authorities-aside.ts). The flags save the same
// commands 12 ms: V8 compiles code for speed only when it has run for longer than they last, collects nothing before they end, does not
// sum up the snapshot that is part of node's own program, and does not hash all of its strings anew with a number that nobody knows.
// Who made keys that fall on one another could make such a command slow, but may run a program of his in the container anyway. They are
// given to the Node that the bundle was made with, as long as it is the same file (dist/bundle/node has its path, and its time): another
// may know no such flags, and would refuse to start. That Node begins with the bundle itself, unless a room was compiled later.
// After "--" node leaves flags that it knows itself, such as --env-file, to us.
"use strict";
require("./start.js").start("strata", "cli/main.js");
