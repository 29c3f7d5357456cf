/* Who outlives a monitor that is killed. */
#pragma once

#include "launch.h"

/* Goes on as a child of the keeper, where one is asked for: everything after it is the monitor's. */
void keeper_start (Launch *launch, Operations *list);
/* What the monitor tells of, so that it is not lost with it; nothing happens without a keeper. */
void keeper_known (pid_t pid);
void keeper_reaped (int status);
void keeper_recorded (void);
