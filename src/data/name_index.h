/* Which of a growing list of names has a text: by hash, as there may be as many as a file has keys. */
#ifndef RCR_DATA_NAME_INDEX_H
#define RCR_DATA_NAME_INDEX_H

#include <stddef.h>

/* Zero-initialise; the names themselves are the caller's, and given to each call. */
typedef struct rcr_name_index {
    size_t *slot; /* [n_slots] 1 + the place of a name; 0: free; at most half are taken */
    size_t n_slots, n;
} rcr_name_index;

/* The first place of a name; SIZE_MAX: there is none. */
size_t rcr_name_index_find(const rcr_name_index *index, char *const *names, const char *text, size_t length);
/* Note names[place]; the first of equal names is the one that is found.  0: out of memory, and nothing has changed. */
int rcr_name_index_add(rcr_name_index *index, char *const *names, size_t place);
void rcr_name_index_free(rcr_name_index *index);

#endif
