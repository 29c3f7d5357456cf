/* A sha256 for Node that transfers add to, one after the other, and Node itself: hash(), add(hash, buffer), digest(hash). */
#include "addon.h"

static napi_value
refuse_hash (napi_env env, const char *why)
{
  napi_throw_error (env, NULL, why);
  return NULL;
}

napi_value
hex_of (napi_env env, struct hash *hash)
{
  unsigned char digest[DIGEST_BYTES];
  char hex[2 * DIGEST_BYTES];
  napi_value text = NULL;

  if (hash == NULL || !finish_hash (hash, digest))
    return napi_get_undefined (env, &text) == napi_ok ? text : NULL;
  for (size_t at = 0; at < DIGEST_BYTES; at++)
    {
      hex[2 * at] = "0123456789abcdef"[digest[at] >> 4];
      hex[2 * at + 1] = "0123456789abcdef"[digest[at] & 15];
    }
  return napi_create_string_latin1 (env, hex, sizeof hex, &text) == napi_ok ? text : NULL;
}

static void
drop_hash (napi_env env, void *hash, void *hint)
{
  (void) env, (void) hint;
  free_hash (hash);
}

/* hash(): a sha256 to which transfers, or `add`, add one after the other. */
napi_value
start_hash (napi_env env, napi_callback_info info)
{
  struct hash *hash = new_sha256 ();
  napi_value handle;

  (void) info;
  if (hash != NULL && napi_create_external (env, hash, drop_hash, NULL, &handle) == napi_ok)
    return handle;
  free_hash (hash);
  return refuse_hash (env, "no memory for a hash");
}

/* add(hash, buffer) */
napi_value
add (napi_env env, napi_callback_info info)
{
  napi_value arguments[2];
  size_t count = 2, size;
  void *hash, *bytes;

  if (napi_get_cb_info (env, info, &count, arguments, NULL, NULL) != napi_ok || count < 2 || napi_get_value_external (env, arguments[0], &hash) != napi_ok
      || napi_get_buffer_info (env, arguments[1], &bytes, &size) != napi_ok || !add_to_hash (hash, bytes, size))
    return refuse_hash (env, "add takes a hash and a buffer");
  return NULL;
}

/* digest(hash): hex, once. */
napi_value
end_hash (napi_env env, napi_callback_info info)
{
  napi_value argument;
  size_t count = 1;
  void *hash;

  if (napi_get_cb_info (env, info, &count, &argument, NULL, NULL) != napi_ok || count < 1 || napi_get_value_external (env, argument, &hash) != napi_ok)
    return refuse_hash (env, "digest takes a hash");
  return hex_of (env, hash);
}
