/* What the scheduler is told of the program, and which kernel it believes to run on. */
#pragma once

#include <stdbool.h>

void schedule_policy (char **fields);
void schedule_io (char **fields);
void schedule_affinity (char **fields);
/* Whoever started us may be pinned: from here on the program may run where its own affinity or its cpuset lets it. */
void schedule_unpin (void);
void schedule_memory (char **fields);
void schedule_personality (char **fields);
