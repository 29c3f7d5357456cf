#!/bin/sh
':' //; unset STRATA_EXTRA_CA_CERTS; case "$1" in build|run|create|exec|start|restart|stop|kill|rm|ps|attach|logs|inspect|cp|diff|port|pause|unpause|rename|top|stats|update|wait|volume|network|images|tag|rmi|history) [ -z "$NODE_EXTRA_CA_CERTS" ] || export STRATA_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS" NODE_EXTRA_CA_CERTS= ;; esac; exec node -- "$0" "$@"
// The line above is for the shell alone, which starts sooner than env(1). Node would read those authorities at every start, twice as
// long as the start itself: commands that seldom connect read them when they do (see start.js). After "--" node leaves flags that it
// knows itself, such as --env-file, to us.
"use strict";
require("./start.js").start("strata", "cli/main.js");
