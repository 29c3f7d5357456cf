/* What the parts of the addon share: each names its functions, and takes its arguments by these. */
#ifndef STRATA_SYSTEM_ADDON_H
#define STRATA_SYSTEM_ADDON_H
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct part
{
  const char *name;
  napi_callback call;
};

/* Each ends with a part without a name. */
extern const struct part lock_parts[], descriptor_parts[], program_parts[], socket_parts[], watch_parts[], digest_parts[], clock_parts[],
    checksum_parts[];

enum
{
  MOST_ARGUMENTS = 6,
};

/* All `count` of them, or an exception and false. */
bool arguments_of (napi_env env, napi_callback_info info, size_t count, napi_value arguments[]);

/* The number, or an exception and false. */
bool int_of (napi_env env, napi_value value, int32_t *number);

/* A copy for free(), NUL after it; NULL with an exception. `length` may be NULL. */
char *text_of (napi_env env, napi_value value, size_t *length);

/* The bytes of a typed array, or an exception and false. */
bool bytes_of (napi_env env, napi_value value, unsigned char **bytes, size_t *length);

/* Of `result`, or of -errno where that is below 0. */
napi_value result_of (napi_env env, int result);

/* An exception. */
napi_value refuse (napi_env env, const char *why);
#endif
