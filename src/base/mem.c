#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* n*size, at least 1; 0 on overflow. */
static size_t total_size(size_t n, size_t size) {
    if (size != 0 && n > SIZE_MAX / size) return 0;
    return n * size > 0 ? n * size : 1;
}

void *rcr_malloc(size_t n, size_t size) {
    size_t bytes = total_size(n, size);
    return bytes > 0 ? malloc(bytes) : NULL;
}

void *rcr_calloc(size_t n, size_t size) {
    size_t bytes = total_size(n, size);
    return bytes > 0 ? calloc(1, bytes) : NULL;
}

void *rcr_realloc(void *block, size_t n, size_t size) {
    size_t bytes = total_size(n, size);
    return bytes > 0 ? realloc(block, bytes) : NULL;
}

void *rcr_malloc_aligned(size_t n, size_t size) {
    size_t bytes = total_size(n, size);
    if (bytes == 0 || bytes > SIZE_MAX - 63) return NULL;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
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

void rcr_free(void *block) { free(block); }
