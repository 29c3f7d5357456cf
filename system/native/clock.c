/* clock_gettime(2): Node tells fractions of a millisecond only with modules that are slow to load. */
#include "addon.h"
#include <time.h>

/* wallClock(): milliseconds since 1970, and their fraction. */
static napi_value
wall_clock (napi_env env, napi_callback_info info)
{
  struct timespec now;
  napi_value value;

  (void) info;
  clock_gettime (CLOCK_REALTIME, &now);
  return napi_create_double (env, (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6, &value) == napi_ok ? value : NULL;
}

const struct part clock_parts[] = { { "wallClock", wall_clock }, { 0 } };
