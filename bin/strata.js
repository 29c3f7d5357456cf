#!/usr/bin/env node
"use strict";
require("./start.js").start("strata", "cli/main.js");
