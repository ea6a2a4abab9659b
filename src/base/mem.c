#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"

/* n*size, at least 1; 0 on overflow. */
static size_t total_size(size_t n, size_t size) {
    if (size != 0 && n > SIZE_MAX / size) return 0;
    return n * size > 0 ? n * size : 1;
}

/* Where tests make allocations fail and count what is not freed. */
static void *counted(void *block) {
    if (block != NULL) RCR_COUNT_BLOCK(1);
    return block;
}

void *rcr_malloc(size_t n, size_t size) {
    size_t bytes = total_size(n, size);
    return bytes > 0 && !RCR_MEMORY_FAULT() ? counted(malloc(bytes)) : NULL;
}

void *rcr_calloc(size_t n, size_t size) {
    size_t bytes = total_size(n, size);
    return bytes > 0 && !RCR_MEMORY_FAULT() ? counted(calloc(1, bytes)) : NULL;
}

void *rcr_realloc(void *block, size_t n, size_t size) {
    size_t bytes = total_size(n, size);
    if (bytes == 0 || RCR_MEMORY_FAULT()) return NULL;
    void *grown = realloc(block, bytes);
    return block == NULL ? counted(grown) : grown;
}

void *rcr_grow(void *block, size_t *room, size_t n, size_t size) {
    enum { FIRST = 64 };
    if (n <= *room && block != NULL) return block;
    size_t wanted = *room <= SIZE_MAX / 2 ? 2 * *room : SIZE_MAX;
    if (wanted < FIRST) wanted = FIRST;
    if (wanted < n) wanted = n;
    void *grown = rcr_realloc(block, wanted, size);
    if (grown != NULL) *room = wanted;
    return grown;
}

void *rcr_malloc_aligned(size_t n, size_t size) {
    size_t bytes = total_size(n, size);
    if (bytes == 0 || bytes > SIZE_MAX - 63) return NULL;
    return RCR_MEMORY_FAULT() ? NULL : counted(aligned_alloc(64, (bytes + 63) / 64 * 64));
}

void *rcr_calloc_aligned(size_t n, size_t size) {
    void *block = rcr_malloc_aligned(n, size);
    if (block != NULL) memset(block, 0, total_size(n, size));
    return block;
}

char *rcr_strndup(const char *text, size_t length) {
    char *copy = length < SIZE_MAX ? rcr_malloc(length + 1, 1) : NULL;
    if (copy == NULL) return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *rcr_strdup(const char *text) { return rcr_strndup(text, strlen(text)); }

void rcr_free(void *block) {
    if (block != NULL) RCR_COUNT_BLOCK(-1);
    free(block);
}
