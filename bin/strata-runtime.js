#!/bin/sh
':' //; NODE_EXTRA_CA_CERTS= exec node -- "$0" "$@"
// The line above is for the shell alone: see strata.js. Nothing here connects to anybody.
"use strict";
require("./start.js").start("strata-runtime", "cli/runtime-main.js");
