/* What a reader says of a small file that is given as text. */
#ifndef RCR_TESTS_IO_TELLING_H
#define RCR_TESTS_IO_TELLING_H

#include "support/check.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "io/reader.h"
#include "io/unpack.h"

#define CUBE "\"lattice\": [[4,0,0],[0,4,0],[0,0,4]]"
#define IRON "{" CUBE ", \"species\": [\"Fe\"], \"frac\": [[0,0,0]]}"

/* The bytes of a file, unpacked; free with rcr_free. */
static inline char *read_all(const char *path, size_t *length) {
    rcr_unpacker *u;
    char *text;
    assert_int_equal(rcr_unpacker_open(&u, path, NULL), RCR_OK);
    assert_int_equal(rcr_unpacker_rest(&text, length, u, 1 << 30, NULL), RCR_OK);
    rcr_unpacker_free(u);
    return text;
}

/* Read a file in memory; each record as a line "id:line" or "id:line!message". */
static inline char *tell(const char *name, const void *data, size_t length) {
    static char out[1 << 14];
    rcr_reader *reader;
    rcr_record record;
    rcr_error err = {.status = RCR_OK};
    size_t n = 0;
    out[0] = '\0';
    if (rcr_reader_open_memory(&reader, name, data, length, &err) != RCR_OK) {
        assert_true(err.status != RCR_OK && err.message[0] != '\0');
        snprintf(out, sizeof out, "%s: %s", rcr_status_name(err.status), err.message);
        return out;
    }
    while (rcr_reader_read(reader, &record)) {
        assert_true((record.crystal == NULL) == (record.error.status != RCR_OK));
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s:%ld%s%s", n > 0 ? "\n" : "", record.id, record.line,
                              record.crystal == NULL ? "!" : "", record.crystal == NULL ? record.error.message : "");
        if (record.crystal == NULL) assert_string_equal(record.error.file, name);
        rcr_record_release(&record);
        assert_true(n < sizeof out - 600);
    }
    rcr_reader_close(reader);
    return out;
}

typedef struct telling {
    const char *name, *text;
    const char *parts[8]; /* what each line of the answer begins with; after "..." what it holds */
} telling;

static inline void expect_telling(const telling *t) {
    char copy[1 << 14], *line = copy;
    snprintf(copy, sizeof copy, "%s", tell(t->name, t->text, strlen(t->text)));
    size_t k = 0;
    for (; k < 8 && t->parts[k] != NULL; k++) {
        char *next = strchr(line, '\n');
        if (next != NULL) *next = '\0';
        const char *dots = strstr(t->parts[k], "...");
        size_t n = dots != NULL ? (size_t)(dots - t->parts[k]) : strlen(t->parts[k]);
        if (strncmp(line, t->parts[k], n) != 0 || (dots == NULL && line[n] != '\0') ||
            (dots != NULL && strstr(line + n, dots + 3) == NULL))
            fail_msg("%s %.60s: '%s' is not '%s'", t->name, t->text, line, t->parts[k]);
        line = next != NULL ? next + 1 : line + strlen(line);
    }
    if (*line != '\0') fail_msg("%s %.60s: more than expected: %s", t->name, t->text, line);
}

#endif
