#include "data/name_index.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

/* The slot of a text: its own, or the free one that it would take. */
static size_t *find_slot(const rcr_name_index *index, char *const *names, const char *text, size_t length) {
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)text[i]) * 1099511628211U;
    for (size_t i = (size_t)(hash ^ (hash >> 32));; i++) {
        size_t *slot = &index->slot[i & (index->n_slots - 1)];
        if (*slot == 0) return slot;
        const char *name = names[*slot - 1];
        if (strncmp(name, text, length) == 0 && name[length] == '\0') return slot;
    }
}

size_t rcr_name_index_find(const rcr_name_index *index, char *const *names, const char *text, size_t length) {
    return index->n_slots > 0 ? *find_slot(index, names, text, length) - 1 : SIZE_MAX;
}

static int grow(rcr_name_index *index, char *const *names) {
    rcr_name_index larger = {.n_slots = index->n_slots > 0 ? 2 * index->n_slots : 32, .n = index->n};
    larger.slot = rcr_calloc(larger.n_slots, sizeof *larger.slot);
    if (larger.slot == NULL) return 0;
    for (size_t i = 0; i < index->n_slots; i++) {
        const char *name = index->slot[i] > 0 ? names[index->slot[i] - 1] : NULL;
        if (name != NULL) *find_slot(&larger, names, name, strlen(name)) = index->slot[i];
    }
    rcr_free(index->slot);
    *index = larger;
    return 1;
}

int rcr_name_index_add(rcr_name_index *index, char *const *names, size_t place) {
    if (2 * (index->n + 1) > index->n_slots && !grow(index, names)) return 0;
    size_t *slot = find_slot(index, names, names[place], strlen(names[place]));
    if (*slot != 0) return 1;
    *slot = place + 1;
    index->n++;
    return 1;
}

void rcr_name_index_free(rcr_name_index *index) {
    rcr_free(index->slot);
    *index = (rcr_name_index){0};
}
