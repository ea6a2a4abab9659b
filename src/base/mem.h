/* Allocation.  The whole library allocates through these, so that a test can make each call in turn fail; rcr_free is
 * in recryst.h. */
#ifndef RCR_BASE_MEM_H
#define RCR_BASE_MEM_H

#include <stddef.h>

#include "recryst.h"

/* n objects of `size` bytes, zeroed; NULL when out of memory or when n*size overflows.  n = 0 gives a unique pointer.
 */
void *rcr_calloc(size_t n, size_t size);
/* The same, not zeroed. */
void *rcr_malloc(size_t n, size_t size);
/* Grow or shrink; the old block stays valid on failure. */
void *rcr_realloc(void *block, size_t n, size_t size);
/* Room for at least n objects in a block that grows as it is filled: the block itself while n is within *room, else one
 * of at least twice the room, which *room then tells.  NULL on failure; the old block and *room stay valid. */
void *rcr_grow(void *block, size_t *room, size_t n, size_t size);
/* n objects of `size` bytes, 64-byte aligned, zeroed; freed with rcr_free too. */
void *rcr_calloc_aligned(size_t n, size_t size);
/* The same, not zeroed: memory that is never used then costs nothing. */
void *rcr_malloc_aligned(size_t n, size_t size);
char *rcr_strdup(const char *text);
char *rcr_strndup(const char *text, size_t length);

#endif
