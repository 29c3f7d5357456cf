#!/bin/sh
':' //; unset STRATA_EXTRA_CA_CERTS; flags=; case "$1" in build|run|create|exec|start|restart|stop|kill|rm|ps|attach|logs|inspect|cp|diff|port|pause|unpause|rename|top|stats|update|wait|volume|network|images|tag|rmi|history) flags="--no-rehash-snapshot --interrupt-budget=1000000"; [ -z "$NODE_EXTRA_CA_CERTS" ] || export STRATA_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS" NODE_EXTRA_CA_CERTS= ;; esac; exec node $flags -- "$0" "$@"
// The line above is for the shell alone, which starts sooner than env(1). Node would read those authorities at every start, twice as
// long as the start itself: commands that seldom connect read them when they do (see start.js). The flags save the same commands
// 8 ms: V8 compiles code for speed only when it has run for longer than they last, and does not hash all of its strings anew with a
// number that nobody knows. Who made keys that fall on one another could make such a command slow, but may run a program of his in
// the container anyway. After "--" node leaves flags that it knows itself, such as
// --env-file, to us.
"use strict";
require("./start.js").start("strata", "cli/main.js");
