/* sha256 by the OpenSSL that Node brings and exports, and the kernel's random bytes. */
#include "addon.h"
#include <errno.h>
#include <sys/random.h>

enum
{
  DIGEST_BYTES = 32,
  MOST_RANDOM_BYTES = 256, /* in one call, which is never cut short */
};

/* Declared here, weakly: a Node without it is told so. */
extern int EVP_Digest (const void *, size_t, unsigned char *, unsigned int *, const void *, void *) __attribute__ ((weak));
extern const void *EVP_sha256 (void) __attribute__ ((weak));

static napi_value
hex_of (napi_env env, const unsigned char *bytes, size_t length)
{
  static const char digits[] = "0123456789abcdef";
  char text[2 * MOST_RANDOM_BYTES];
  napi_value value;

  for (size_t at = 0; at < length; at++)
    {
      text[2 * at] = digits[bytes[at] >> 4];
      text[2 * at + 1] = digits[bytes[at] & 15];
    }
  return napi_create_string_latin1 (env, text, 2 * length, &value) == napi_ok ? value : NULL;
}

/* sha256(bytes): hex, or undefined where Node has no OpenSSL that we could call. */
static napi_value
sha256 (napi_env env, napi_callback_info info)
{
  napi_value arguments[1];
  unsigned char *bytes, digest[DIGEST_BYTES];
  unsigned int size;
  size_t length;

  if (!arguments_of (env, info, 1, arguments) || !bytes_of (env, arguments[0], &bytes, &length))
    return NULL;
  if (!EVP_Digest || !EVP_sha256 || EVP_Digest (bytes, length, digest, &size, EVP_sha256 (), NULL) != 1)
    return NULL;
  return hex_of (env, digest, sizeof digest);
}

/* random(count): so many bytes, as hex. */
static napi_value
random_hex (napi_env env, napi_callback_info info)
{
  napi_value arguments[1];
  unsigned char bytes[MOST_RANDOM_BYTES];
  int32_t count;

  if (!arguments_of (env, info, 1, arguments) || !int_of (env, arguments[0], &count))
    return NULL;
  if (count < 1 || count > MOST_RANDOM_BYTES)
    return refuse (env, "random takes a number from 1 to 256");
  while (getrandom (bytes, (size_t) count, 0) != count)
    if (errno != EINTR)
      return refuse (env, "the kernel gives no random bytes");
  return hex_of (env, bytes, (size_t) count);
}

const struct part digest_parts[] = { { "sha256", sha256 }, { "random", random_hex }, { 0 } };
