/* The monitor's timer of health checks; without checks each of these does nothing. */
#pragma once

#include <sys/types.h>

/* The operation `health`; `command` is kept. */
void health_set (char **fields, char **command);
/* The program runs from now on. */
void health_begin (char **environment);
/* Milliseconds until the next check; -1 for ever. */
int health_patience (void);
/* Starts the check that is due. */
void health_run (void);
void health_reaped (pid_t pid, int status);
