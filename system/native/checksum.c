/* A checksum against damage, not against anybody: gigabytes in a second, where a digest takes as long as what it guards would save. */
#include "addon.h"
#include <stdlib.h>
#include <string.h>

/* Two sums, the second of which minds the order. Fletcher's, of 32 bits at a time, modulo 2^64. */
static uint64_t
sum (const unsigned char *bytes, size_t length, uint64_t seed)
{
  uint64_t low = seed + length, high = 0;
  uint32_t word;

  for (; length >= sizeof word; bytes += sizeof word, length -= sizeof word)
    {
      memcpy (&word, bytes, sizeof word);
      low += word;
      high += low;
    }
  for (; length > 0; bytes++, length--)
    {
      low += *bytes;
      high += low;
    }
  return low * 0x9e3779b97f4a7c15 + high;
}

/* checksum(bytes, text): of both, as a whole number below 2^52. Characters of the text past latin1 count by their low byte. */
static napi_value
checksum (napi_env env, napi_callback_info info)
{
  napi_value arguments[2], value;
  unsigned char *bytes;
  size_t length, size;

  if (!arguments_of (env, info, 2, arguments) || !bytes_of (env, arguments[0], &bytes, &length))
    return NULL;
  if (napi_get_value_string_latin1 (env, arguments[1], NULL, 0, &size) != napi_ok)
    return refuse (env, "a string is needed");
  char *text = malloc (size + 1);
  if (text == NULL || napi_get_value_string_latin1 (env, arguments[1], text, size + 1, &size) != napi_ok)
    {
      free (text);
      return refuse (env, "there is no memory");
    }
  uint64_t both = sum ((const unsigned char *) text, size, sum (bytes, length, 0));
  free (text);
  return napi_create_int64 (env, (int64_t) (both >> 12), &value) == napi_ok ? value : NULL;
}

const struct part checksum_parts[] = { { "checksum", checksum }, { 0 } };
