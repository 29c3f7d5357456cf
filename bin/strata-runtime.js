#!/usr/bin/env node
"use strict";
require("./start.js").start("strata-runtime", "cli/runtime-main.js");
