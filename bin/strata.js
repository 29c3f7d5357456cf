#!/usr/bin/env -S node --
// After "--" node leaves flags that it knows itself, such as --env-file, to us.
"use strict";
require("./start.js").start("strata", "cli/main.js");
