/* What strata-names and strata-loopback share: small servers that talk to strangers from the background. */
#pragma once

#include <stdbool.h>

#define NOBODY 65534

/* Returns in the child, which has a session of its own and neither input nor output; the parent tells its pid on stdout and ends.
   False: it is still in the foreground, with errno. */
bool go_background (void);

/* Neither capabilities nor a way to get them: what talks to strangers has no rights beyond its sockets. False leaves errno. */
bool drop_capabilities (void);

/* Returns in the process that serves; the other one ends when that one does of itself, and follows a killed one with the next. */
void outlive (void);
