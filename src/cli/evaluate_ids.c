#include "cli/evaluate_ids.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "data/name_index.h"

enum { MAX_BYTES = 1 << 30 };

typedef struct id_list {
    char **id; /* [n] each once; they lie in the file's text */
    size_t n, capacity;
    rcr_name_index places;
} id_list;

static int add_id(id_list *list, char *id, size_t length) {
    if (rcr_name_index_find(&list->places, list->id, id, length) != SIZE_MAX) return 1;
    if (list->n == list->capacity) {
        size_t capacity = list->capacity > 0 ? 2 * list->capacity : 256;
        char **grown = rcr_realloc(list->id, capacity, sizeof *grown);
        if (grown == NULL) return 0;
        list->id = grown;
        list->capacity = capacity;
    }
    list->id[list->n] = id;
    if (!rcr_name_index_add(&list->places, list->id, list->n)) return 0;
    list->n++;
    return 1;
}

/* Lines end with LF or CR LF.  The text is cut at them. */
static rcr_status read_ids(id_list *list, char *text, size_t length, rcr_error *err) {
    char *end = text + length, *p = text;
    if (length >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) p += 3;
    while (p < end) {
        char *stop = memchr(p, '\n', (size_t)(end - p)), *next = stop != NULL ? stop + 1 : end;
        if (stop == NULL) stop = end;
        while (p < stop && rcr_is_space((unsigned char)*p)) p++;
        while (stop > p && rcr_is_space((unsigned char)stop[-1])) stop--;
        *stop = '\0';
        if (stop > p && !add_id(list, p, (size_t)(stop - p))) return rcr_fail_memory(err, "reading a list of ids");
        p = next;
    }
    return RCR_OK;
}

static rcr_status find_rows(int64_t **index, size_t *n, size_t *n_absent, const rcr_dataset *d, const id_list *list,
                            const char *path, rcr_error *err) {
    int64_t *rows = rcr_calloc(d->n + 1, sizeof *rows);
    size_t found = 0;
    if (rows == NULL) return rcr_fail_memory(err, "choosing rows");
    for (size_t i = 0; i < d->n; i++) /* a dataset's ids differ */
        if (rcr_name_index_find(&list->places, list->id, d->sample[i].id, strlen(d->sample[i].id)) != SIZE_MAX)
            rows[found++] = (int64_t)i;
    if (found == 0) {
        rcr_free(rows);
        return list->n == 0 ? rcr_fail_at(err, RCR_ERR_DATA, path, 0, "it lists no ids; each has a line of its own")
                            : rcr_fail_at(err, RCR_ERR_DATA, path, 0,
                                          "none of its %zu ids is that of a usable row of the data", list->n);
    }
    *index = rows;
    *n = found;
    *n_absent = list->n - found;
    return RCR_OK;
}

rcr_status rcr_rows_of_ids(int64_t **index, size_t *n, size_t *n_absent, const rcr_dataset *dataset, const char *path,
                           rcr_error *err) {
    char *text;
    size_t length;
    id_list list = {0};
    rcr_status status = rcr_file_read(&text, &length, path, MAX_BYTES, err);
    if (status != RCR_OK) return status;
    status = read_ids(&list, text, length, err);
    if (status == RCR_OK) status = find_rows(index, n, n_absent, dataset, &list, path, err);
    rcr_name_index_free(&list.places);
    rcr_free(list.id);
    rcr_free(text);
    return status;
}
