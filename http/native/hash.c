/* sha256 by the OpenSSL that Node brings and exports. Declared here, weakly: a Node without it goes on without `receive`. */
#include "transfer.h"
#include <stddef.h>
#include <stdlib.h>

extern void *EVP_MD_CTX_new (void) __attribute__ ((weak));
extern void EVP_MD_CTX_free (void *) __attribute__ ((weak));
extern const void *EVP_sha256 (void) __attribute__ ((weak));
extern int EVP_DigestInit_ex (void *, const void *, void *) __attribute__ ((weak));
extern int EVP_DigestUpdate (void *, const void *, size_t) __attribute__ ((weak));
extern int EVP_DigestFinal_ex (void *, unsigned char *, unsigned int *) __attribute__ ((weak));

struct hash
{
  void *context;
  unsigned int users;
};

struct hash *
new_sha256 (void)
{
  if (!EVP_MD_CTX_new || !EVP_MD_CTX_free || !EVP_sha256 || !EVP_DigestInit_ex || !EVP_DigestUpdate || !EVP_DigestFinal_ex)
    return NULL;

  struct hash *hash = calloc (1, sizeof *hash);
  if (hash == NULL)
    return NULL;
  hash->users = 1;
  hash->context = EVP_MD_CTX_new ();
  if (hash->context != NULL && EVP_DigestInit_ex (hash->context, EVP_sha256 (), NULL) == 1)
    return hash;
  free_hash (hash);
  return NULL;
}

struct hash *
share_hash (struct hash *hash)
{
  hash->users++;
  return hash;
}

bool
add_to_hash (struct hash *hash, const void *bytes, size_t size)
{
  return EVP_DigestUpdate (hash->context, bytes, size) == 1;
}

bool
finish_hash (struct hash *hash, unsigned char digest[DIGEST_BYTES])
{
  unsigned int size;

  return EVP_DigestFinal_ex (hash->context, digest, &size) == 1;
}

void
free_hash (struct hash *hash)
{
  if (hash == NULL || --hash->users > 0)
    return;
  if (hash->context != NULL)
    EVP_MD_CTX_free (hash->context);
  free (hash);
}
