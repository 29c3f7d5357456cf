/* flock(2). The kernel lets go when the process ends, however it ends. */
#include "addon.h"
#include <errno.h>
#include <string.h>
#include <sys/file.h>

/* flock(fd, operation): whether the lock was had; false only with LOCK_NB, when another holds it. Waits otherwise. */
static napi_value
lock_file (napi_env env, napi_callback_info info)
{
  napi_value arguments[2], had;
  int32_t fd, operation;
  int result;

  if (!arguments_of (env, info, 2, arguments) || !int_of (env, arguments[0], &fd) || !int_of (env, arguments[1], &operation))
    return NULL;
  do
    result = flock (fd, operation);
  while (result < 0 && errno == EINTR);
  if (result < 0 && errno != EWOULDBLOCK)
    {
      napi_throw_error (env, NULL, strerror (errno));
      return NULL;
    }
  return napi_get_boolean (env, result == 0, &had) == napi_ok ? had : NULL;
}

const struct part lock_parts[] = { { "flock", lock_file }, { 0 } };
