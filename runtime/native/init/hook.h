/* Hooks that run inside the container, as its init's children. */
#pragma once

void hook_run (char **fields);
