/* What is packed comes out as it went in, or not at all. */
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/mem.h"
#include "io/archive.h"
#include "io/reader.h"
#include "io/unpack.h"

enum { ROOM = 1 << 16, LIMIT = 1 << 24 };

typedef struct pack {
    char bytes[ROOM];
    size_t n;
} pack;

/* One file, as raw bytes or in a tar. */
static void make(pack *p, int tar, int filter, const char *data, size_t length) {
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    if (tar)
        archive_write_set_format_pax_restricted(a);
    else
        archive_write_set_format_raw(a);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
    if (filter == ARCHIVE_FILTER_GZIP) archive_write_set_filter_option(a, NULL, "timestamp", NULL);
    assert_int_equal(archive_write_open_memory(a, p->bytes, sizeof p->bytes, &p->n), ARCHIVE_OK);
    archive_entry_set_pathname(entry, "a.cif");
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, (la_int64_t)length);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    if (length > 0) assert_int_equal(archive_write_data(a, data, length), (la_ssize_t)length);
    archive_entry_free(entry);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

static rcr_status unpack(char **out, size_t *n, const void *bytes, size_t length, rcr_error *err) {
    rcr_unpacker *u;
    rcr_status status = rcr_unpacker_open_memory(&u, bytes, length, err);
    if (status != RCR_OK) return status;
    status = rcr_unpacker_rest(out, n, u, LIMIT, err);
    rcr_unpacker_free(u);
    return status;
}

static void expect_text(const void *bytes, size_t length, const char *text) {
    char *out;
    size_t n;
    rcr_error err = {.status = RCR_OK};
    if (unpack(&out, &n, bytes, length, &err) != RCR_OK) fail_msg("%s", err.message);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(out, text, n);
    rcr_free(out);
}

static void expect_failure(const void *bytes, size_t length, rcr_status expected, const char *what) {
    char *out;
    size_t n;
    rcr_error err = {.status = RCR_OK};
    rcr_status status = unpack(&out, &n, bytes, length, &err);
    if (status == RCR_OK) {
        rcr_free(out);
        fail_msg("unpacked to %zu bytes; expected: %s", n, what);
    }
    assert_int_equal(status, expected);
    if (strstr(err.message, what) == NULL) fail_msg("'%s' lacks '%s'", err.message, what);
}

static const char text[] =
    "data_x\n_cell_length_a 4.0123\n_cell_length_b 4.5\n_cell_length_c 5.0725\nloop_\n_atom_site_label\n"
    "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nNa1 0.1013 0.2542 0.3715\n";

static const int filters[] = {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_ZSTD};

/* Every bit of what gzip packed, the other way round: an error, or (in a field that says nothing) the same text. */
static void a_damaged_bit_never_gives_another_text(void **state) {
    (void)state;
    for (int tar = 0; tar < 2; tar++) {
        pack p;
        int n_errors = 0;
        make(&p, tar, ARCHIVE_FILTER_GZIP, text, strlen(text));
        for (size_t i = 2; i < p.n; i++) { /* the first two bytes say that it is gzip */
            for (int bit = 0; bit < 8; bit++) {
                char *out = NULL;
                size_t n = 0;
                rcr_status status;
                p.bytes[i] = (char)(p.bytes[i] ^ (1 << bit));
                if (tar) {
                    rcr_folder *folder;
                    status = rcr_folder_open_memory(&folder, p.bytes, p.n, LIMIT, NULL);
                    if (status == RCR_OK) {
                        assert_int_equal(rcr_folder_read(&out, &n, folder, "a.cif", NULL), RCR_OK);
                        rcr_folder_free(folder);
                    }
                } else {
                    status = unpack(&out, &n, p.bytes, p.n, NULL);
                }
                p.bytes[i] = (char)(p.bytes[i] ^ (1 << bit));
                n_errors += status != RCR_OK;
                if (status == RCR_OK && (n != strlen(text) || memcmp(out, text, n) != 0))
                    fail_msg("tar %d, byte %zu, bit %d: another text", tar, i, bit);
                rcr_free(out);
            }
        }
        assert_true(n_errors > 8 * (int)(p.n - 12)); /* all but those of the header's time and system */
    }
}

static void what_is_cut_off_is_an_error(void **state) {
    (void)state;
    pack p;
    make(&p, 0, ARCHIVE_FILTER_GZIP, text, strlen(text));
    for (size_t n = 2; n < p.n; n++)
        expect_failure(p.bytes, n, RCR_ERR_PARSE, "can't unpack: the gzip data are cut off");
    p.bytes[p.n - 8] ^= 1;
    expect_failure(p.bytes, p.n, RCR_ERR_PARSE, "their checksum does not fit");
    p.bytes[p.n - 8] ^= 1;
    p.bytes[3] = (char)0xFF; /* flags that gzip does not have */
    expect_failure(p.bytes, p.n, RCR_ERR_PARSE, "the gzip data are damaged (");
    for (size_t k = 1; k < sizeof filters / sizeof *filters; k++) {
        make(&p, 0, filters[k], text, strlen(text));
        expect_failure(p.bytes, p.n / 2, RCR_ERR_PARSE, "can't unpack: ");
    }
}

/* RFC 1952: members that follow each other are one text. */
static void members_follow_each_other(void **state) {
    (void)state;
    pack p, empty;
    char both[3 * ROOM], twice[2 * sizeof text], thrice[3 * sizeof text];
    snprintf(twice, sizeof twice, "%s%s", text, text);
    make(&p, 0, ARCHIVE_FILTER_GZIP, text, strlen(text));
    make(&empty, 0, ARCHIVE_FILTER_GZIP, "", 0);
    memcpy(both, p.bytes, p.n);
    memcpy(both + p.n, empty.bytes, empty.n);
    memcpy(both + p.n + empty.n, p.bytes, p.n);
    size_t n = 2 * p.n + empty.n;
    expect_text(both, n, twice);
    both[p.n - 1] ^= 1; /* of the first */
    expect_failure(both, n, RCR_ERR_PARSE, "their checksum does not fit");
    both[p.n - 1] ^= 1;
    expect_failure(both, n - 1, RCR_ERR_PARSE, "cut off");
    memset(both + n, 0, 512);
    expect_text(both, n + 512, twice); /* what a tape adds */
    memcpy(both + n + 512, p.bytes, p.n);
    both[n + 512 + p.n] = 0;
    snprintf(thrice, sizeof thrice, "%s%s", twice, text);
    expect_text(both, n + 513 + p.n, thrice);
    memcpy(both + n, "\ngarbage", 8);
    expect_failure(both, n + 8, RCR_ERR_PARSE, "is not packed so");
    both[n] = 0x1f; /* half of a beginning */
    expect_failure(both, n + 1, RCR_ERR_PARSE, "is not packed so");
    expect_text(empty.bytes, empty.n, "");
}

/* Two streams one after the other, of which the second is damaged anywhere: never the first alone. */
static void a_damaged_stream_is_not_left_out(void **state) {
    (void)state;
    pack p, empty;
    char both[2 * ROOM], twice[2 * sizeof text];
    snprintf(twice, sizeof twice, "%s%s", text, text);
    for (size_t k = 0; k < sizeof filters / sizeof *filters; k++) {
        make(&p, 0, filters[k], text, strlen(text));
        make(&empty, 0, filters[k], "", 0);
        memcpy(both, p.bytes, p.n);
        memcpy(both + p.n, p.bytes, p.n);
        size_t n = 2 * p.n;
        expect_text(both, n, twice);
        /* What says what it is. */
        for (size_t i = p.n; i < p.n + 4; i++) {
            for (int bit = 0; bit < 8; bit++) {
                char *out = NULL;
                size_t length = 0;
                both[i] = (char)(both[i] ^ (1 << bit));
                if (unpack(&out, &length, both, n, NULL) == RCR_OK && (length != strlen(twice)))
                    fail_msg("filter %d, byte %zu, bit %d: %zu bytes", filters[k], i - p.n, bit, length);
                rcr_free(out);
                both[i] = (char)(both[i] ^ (1 << bit));
            }
        }
        memcpy(both + n, "\ngarbage", 8);
        expect_failure(both, n + 8, RCR_ERR_PARSE, "can't unpack: ");
        if (filters[k] == ARCHIVE_FILTER_BZIP2) {
            memset(both + n, 0, 512);
            expect_text(both, n + 512, twice);
        }
        /* The same within gzip, and of nothing that is packed. */
        memcpy(both + n, "\ngarbage", 8);
        make(&p, 0, ARCHIVE_FILTER_GZIP, both, n + 8);
        expect_failure(p.bytes, p.n, RCR_ERR_PARSE, "can't unpack: ");
        memcpy(both, empty.bytes, empty.n);
        memcpy(both + empty.n, "\ngarbage", 8);
        expect_failure(both, empty.n + 8, RCR_ERR_PARSE, "can't unpack: ");
    }
}

/* pbzip2 packs a tar in streams of their own; one that is damaged may begin where a member of the tar does. */
static void members_of_a_tar_are_not_left_out(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof filters / sizeof *filters; k++) {
        pack tar, first, second;
        char both[2 * ROOM];
        make(&tar, 1, ARCHIVE_FILTER_NONE, text, strlen(text));
        size_t member = 512 + (strlen(text) + 511) / 512 * 512; /* its header and its blocks */
        make(&first, 0, filters[k], tar.bytes, member);
        make(&second, 0, filters[k], tar.bytes, tar.n);
        memcpy(both, first.bytes, first.n);
        memcpy(both + first.n, second.bytes, second.n);
        rcr_folder *folder = NULL;
        rcr_error err;
        assert_int_equal(rcr_folder_open_memory(&folder, both, first.n + second.n, LIMIT, &err), RCR_OK);
        rcr_folder_free(folder);
        both[first.n] ^= 1;
        assert_int_equal(rcr_folder_open_memory(&folder, both, first.n + second.n, LIMIT, &err), RCR_ERR_PARSE);
    }
}

static void packed_more_than_once(void **state) {
    (void)state;
    pack p, q;
    make(&p, 0, ARCHIVE_FILTER_GZIP, text, strlen(text));
    for (int layers = 2; layers <= 5; layers++) {
        make(&q, 0, ARCHIVE_FILTER_GZIP, p.bytes, p.n);
        p = q;
        if (layers < 5)
            expect_text(p.bytes, p.n, text);
        else
            expect_failure(p.bytes, p.n, RCR_ERR_UNSUPPORTED, "packed with gzip more than 4 times");
    }
    for (size_t k = 0; k < sizeof filters / sizeof *filters; k++) {
        make(&q, 0, filters[k], text, strlen(text));
        make(&p, 0, ARCHIVE_FILTER_GZIP, q.bytes, q.n);
        expect_text(p.bytes, p.n, text);
        make(&q, 0, filters[k], "", 0);
        expect_text(q.bytes, q.n, "");
    }
}

static void expect_record(rcr_reader *reader, const char *file, const char *error) {
    rcr_record record;
    assert_int_equal(rcr_reader_read(reader, &record), 1);
    assert_string_equal(record.file, file);
    assert_string_equal(record.error.status == RCR_OK ? "" : record.error.message, error);
    rcr_record_release(&record);
}

/* Structures must not be missing without a word because they lie one archive deeper; an empty file is told as such. */
static void an_archive_within_another_is_told(void **state) {
    (void)state;
    pack inner, p;
    make(&inner, 1, ARCHIVE_FILTER_GZIP, text, strlen(text));
    struct archive *a = archive_write_new();
    archive_write_set_format_zip(a);
    assert_int_equal(archive_write_open_memory(a, p.bytes, sizeof p.bytes, &p.n), ARCHIVE_OK);
    static const char *const names[] = {"b.cif", "c.cif", "more.tar.gz"};
    for (int k = 0; k < 3; k++) {
        size_t length = k == 0 ? strlen(text) : k == 1 ? 0 : inner.n;
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, names[k]);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_size(entry, (la_int64_t)length);
        assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
        if (length > 0) archive_write_data(a, k == 0 ? text : inner.bytes, length);
        archive_entry_free(entry);
    }
    archive_write_close(a);
    archive_write_free(a);
    rcr_reader *reader;
    rcr_record record;
    assert_int_equal(rcr_reader_open_memory(&reader, "x.zip", p.bytes, p.n, NULL), RCR_OK);
    expect_record(reader, "x.zip/b.cif", "");
    expect_record(reader, "x.zip/c.cif", "the file is empty");
    expect_record(reader, "x.zip/more.tar.gz", "this is an archive within another; give it by itself");
    assert_int_equal(rcr_reader_next(reader, &record), 0);
    rcr_reader_close(reader);
}

/* A small file that unpacks to much, held as a whole or passed through a window. */
static void what_unpacks_to_too_much_is_an_error(void **state) {
    (void)state;
    size_t length = LIMIT + 1;
    char *blanks = rcr_malloc(length, 1);
    assert_non_null(blanks);
    memset(blanks, ' ', length);
    static pack p;
    make(&p, 0, ARCHIVE_FILTER_GZIP, blanks, length);
    expect_failure(p.bytes, p.n, RCR_ERR_LIMIT, "more than 16 MiB");
    for (int over = 0; over < 2; over++) {
        rcr_unpacker *u;
        rcr_window w;
        assert_int_equal(rcr_unpacker_open_memory(&u, p.bytes, p.n, NULL), RCR_OK);
        assert_int_equal(rcr_window_open(&w, u, over ? LIMIT / 2 : 4 * (size_t)LIMIT, NULL), RCR_OK);
        while (rcr_window_more(&w)) continue;
        if (over) {
            assert_int_equal(w.error.status, RCR_ERR_LIMIT);
            assert_non_null(strstr(w.error.message, "longer than the limit of 8 MiB"));
            assert_true(w.capacity <= LIMIT);
        } else {
            assert_int_equal(w.error.status, RCR_OK);
            assert_int_equal(w.end, length);
        }
        rcr_window_release(&w);
    }
    rcr_free(blanks);
}

/* Devices without an end, and one that is at its end at once. */
static void what_is_no_file_is_not_read(void **state) {
    (void)state;
    static const char *const paths[] = {"/dev/zero", "/dev/null", "/dev/full", "/"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        rcr_unpacker *u = NULL;
        rcr_error err = {0};
        assert_int_equal(rcr_unpacker_open(&u, paths[i], &err), RCR_ERR_IO);
        assert_null(u);
        assert_string_equal(err.file, paths[i]);
        const char *why = i < 3 ? "not a regular file" : "a folder";
        if (strstr(err.message, why) == NULL) fail_msg("%s: %s", paths[i], err.message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_bit_never_gives_another_text),
        cmocka_unit_test(what_is_cut_off_is_an_error),
        cmocka_unit_test(members_follow_each_other),
        cmocka_unit_test(a_damaged_stream_is_not_left_out),
        cmocka_unit_test(members_of_a_tar_are_not_left_out),
        cmocka_unit_test(packed_more_than_once),
        cmocka_unit_test(an_archive_within_another_is_told),
        cmocka_unit_test(what_unpacks_to_too_much_is_an_error),
        cmocka_unit_test(what_is_no_file_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
