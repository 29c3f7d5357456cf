/* System calls for Node, which has none for them, or only in modules that take longer to load than a container to start. */
#include "addon.h"
#include <errno.h>
#include <stdlib.h>

napi_value
refuse (napi_env env, const char *why)
{
  napi_throw_type_error (env, NULL, why);
  return NULL;
}

bool
arguments_of (napi_env env, napi_callback_info info, size_t count, napi_value arguments[])
{
  size_t given = count;

  if (napi_get_cb_info (env, info, &given, arguments, NULL, NULL) == napi_ok && given >= count)
    return true;
  refuse (env, "too few arguments");
  return false;
}

bool
int_of (napi_env env, napi_value value, int32_t *number)
{
  if (napi_get_value_int32 (env, value, number) == napi_ok)
    return true;
  refuse (env, "a number is needed");
  return false;
}

char *
text_of (napi_env env, napi_value value, size_t *length)
{
  size_t size;
  char *text;

  if (napi_get_value_string_utf8 (env, value, NULL, 0, &size) != napi_ok || (text = malloc (size + 1)) == NULL)
    {
      refuse (env, "a string is needed");
      return NULL;
    }
  if (napi_get_value_string_utf8 (env, value, text, size + 1, &size) != napi_ok)
    {
      free (text);
      refuse (env, "a string is needed");
      return NULL;
    }
  if (length != NULL)
    *length = size;
  return text;
}

bool
bytes_of (napi_env env, napi_value value, unsigned char **bytes, size_t *length)
{
  if (napi_get_typedarray_info (env, value, NULL, length, (void **) bytes, NULL, NULL) == napi_ok)
    return true;
  refuse (env, "a typed array is needed");
  return false;
}

napi_value
result_of (napi_env env, int result)
{
  napi_value value;

  return napi_create_int32 (env, result < 0 ? -errno : result, &value) == napi_ok ? value : NULL;
}

static bool
add_parts (napi_env env, napi_value exports, const struct part *part)
{
  napi_value function;

  for (; part->name != NULL; part++)
    if (napi_create_function (env, part->name, NAPI_AUTO_LENGTH, part->call, NULL, &function) != napi_ok
        || napi_set_named_property (env, exports, part->name, function) != napi_ok)
      return false;
  return true;
}

NAPI_MODULE_INIT ()
{
  const struct part *const all[] = { lock_parts, descriptor_parts, program_parts, socket_parts, watch_parts, digest_parts, clock_parts, checksum_parts };

  for (size_t at = 0; at < sizeof all / sizeof *all; at++)
    if (!add_parts (env, exports, all[at]))
      return NULL;
  return exports;
}
