/* A process named for good: by its pid and field 22 of /proc/PID/stat, for a pid alone may name another one by now. */
#pragma once

#include <sys/types.h>

/* 0 when there is no such process. */
unsigned long long process_start_time (pid_t pid);
/* A pidfd of the process that `name`, PID:START, names; -1, and ESRCH, when it is gone. */
int process_open (const char *name);
