#include "support/check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/file.h"
#include "base/mem.h"
#include "io/archive.h"

/* ---- archives are written here with libarchive's writer, into memory */

typedef struct pack {
    struct archive *a;
    char bytes[1 << 16];
    size_t used;
} pack;

static void pack_begin(pack *p, int zip, int gzip) {
    p->a = archive_write_new();
    if (zip)
        archive_write_set_format_zip(p->a);
    else
        archive_write_set_format_pax_restricted(p->a);
    if (gzip) archive_write_add_filter_gzip(p->a);
    assert_int_equal(archive_write_open_memory(p->a, p->bytes, sizeof p->bytes, &p->used), ARCHIVE_OK);
}

/* type: AE_IFREG, AE_IFLNK (data is the target), AE_IFDIR, AE_IFCHR; 'h' for a hard link to data. */
static void pack_add(pack *p, const char *name, int type, const char *data) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_filetype(entry, type == 'h' ? AE_IFREG : (unsigned)type);
    archive_entry_set_size(entry, type == AE_IFREG ? (la_int64_t)strlen(data) : 0);
    if (type == 'h') archive_entry_set_hardlink(entry, data);
    if (type == AE_IFLNK) archive_entry_set_symlink(entry, data);
    assert_int_equal(archive_write_header(p->a, entry), ARCHIVE_OK);
    if (type == AE_IFREG) archive_write_data(p->a, data, strlen(data));
    archive_entry_free(entry);
}

static void pack_end(pack *p) {
    archive_write_close(p->a);
    archive_write_free(p->a);
}

static void expect_file(rcr_folder *folder, const char *name, const char *content) {
    char *data;
    size_t length;
    rcr_error err = {0};
    if (rcr_folder_read(&data, &length, folder, name, &err) != RCR_OK) fail_msg("%s: %s", name, err.message);
    assert_int_equal(length, strlen(content));
    assert_string_equal(data, content);
    rcr_free(data);
    assert_true(rcr_folder_has(folder, name));
}

static void expect_list(rcr_folder *folder, size_t n, const char *const *expected) {
    const char *const *names;
    size_t found;
    for (int again = 0; again < 2; again++) {
        assert_int_equal(rcr_folder_list(&names, &found, folder, NULL), RCR_OK);
        assert_int_equal(found, n);
        for (size_t i = 0; i < n; i++) assert_string_equal(names[i], expected[i]);
    }
}

static void reads_archives_of_each_kind(void **state) {
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        pack p;
        pack_begin(&p, kind & 1, kind >> 1);
        pack_add(&p, "top/", AE_IFDIR, "");
        pack_add(&p, "./top/b.cif", AE_IFREG, "old");
        pack_add(&p, "top/sub/a.cif", AE_IFREG, "");
        pack_add(&p, "top/._b.cif", AE_IFREG, "resource fork");
        pack_add(&p, "__MACOSX/top/b", AE_IFREG, "x");
        pack_add(&p, "top//b.cif", AE_IFREG, "new");
        pack_end(&p);
        rcr_folder *folder = NULL;
        rcr_error err = {0};
        if (rcr_folder_open_memory(&folder, p.bytes, p.used, 1 << 20, &err) != RCR_OK) fail_msg("%s", err.message);
        memset(p.bytes, 'x', p.used); /* nothing may point into it any more */
        static const char *const names[] = {"b.cif", "sub/a.cif"};
        expect_list(folder, 2, names);
        expect_file(folder, "b.cif", "new");
        expect_file(folder, "sub/a.cif", "");
        assert_false(rcr_folder_has(folder, "top/b.cif"));
        char *data = NULL;
        size_t length;
        assert_int_equal(rcr_folder_read(&data, &length, folder, "c.cif", &err), RCR_ERR_IO);
        assert_string_equal(err.file, "c.cif");
        assert_null(data);
        rcr_folder_free(folder);
    }
}

/* A text of that length which no other length begins with. */
static char *text_of(size_t length) {
    char *text = rcr_malloc(length + 1, 1);
    assert_non_null(text);
    for (size_t i = 0; i < length; i++) text[i] = (char)('a' + (i + length) % 23);
    text[length] = '\0';
    return text;
}

/* Members lie in blocks that grow: none may spoil another, whatever their sizes and order. */
static void holds_members_of_all_sizes(void **state) {
    (void)state;
    static const size_t lengths[] = {0,     1,      32767,  32768,  5,      32769, 65535,   65536,
                                     98304, 200000, 262143, 262144, 262145, 7,     1500000, 131072};
    enum { N = sizeof lengths / sizeof *lengths, ROUNDS = 3 };
    pack p;
    char name[32];
    pack_begin(&p, 0, 1);
    for (size_t i = 0; i < ROUNDS * N; i++) {
        char *text = text_of(lengths[i % N]);
        snprintf(name, sizeof name, "%zu/%zu", i / N, i % N);
        pack_add(&p, name, AE_IFREG, text);
        rcr_free(text);
    }
    pack_end(&p);
    rcr_folder *folder = NULL;
    rcr_error err = {0};
    if (rcr_folder_open_memory(&folder, p.bytes, p.used, 64 << 20, &err) != RCR_OK) fail_msg("%s", err.message);
    for (size_t i = 0; i < ROUNDS * N; i++) {
        char *text = text_of(lengths[i % N]);
        snprintf(name, sizeof name, "%zu/%zu", i / N, i % N);
        expect_file(folder, name, text);
        rcr_free(text);
    }
    rcr_folder_free(folder);
}

static void keeps_names_without_a_single_top(void **state) {
    (void)state;
    pack p;
    pack_begin(&p, 0, 0);
    pack_add(&p, "a/x", AE_IFREG, "1");
    pack_add(&p, "ab/x", AE_IFREG, "2");
    pack_end(&p);
    rcr_folder *folder;
    assert_int_equal(rcr_folder_open_memory(&folder, p.bytes, p.used, 1 << 20, NULL), RCR_OK);
    static const char *const names[] = {"a/x", "ab/x"};
    expect_list(folder, 2, names);
    rcr_folder_free(folder);
}

static void refuses_unsafe_members(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int type;
        const char *data, *message;
    } cases[] = {{"../x", AE_IFREG, "1", "leads out"},
                 {"a/../../x", AE_IFREG, "1", "leads out"},
                 {"/etc/x", AE_IFREG, "1", "absolute"},
                 {"x", AE_IFLNK, "/etc/passwd", "link"},
                 {"x", 'h', "y", "link"},
                 {"x", AE_IFIFO, "", "device"},
                 {"x", AE_IFCHR, "", "device"},
                 {"x", AE_IFBLK, "", "device"},
                 {"a/b/../../../x", AE_IFREG, "1", "leads out"},
                 {"x/..", AE_IFREG, "1", "leads out"},
                 {"x", AE_IFLNK, "y", "link"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pack p;
        pack_begin(&p, 0, 0);
        pack_add(&p, "y", AE_IFREG, "fine");
        pack_add(&p, cases[i].name, cases[i].type, cases[i].data);
        pack_end(&p);
        rcr_folder *folder = NULL;
        rcr_error err = {0};
        assert_int_equal(rcr_folder_open_memory(&folder, p.bytes, p.used, 1 << 20, &err), RCR_ERR_DATA);
        assert_null(folder);
        if (strstr(err.message, cases[i].message) == NULL) fail_msg("%zu: %s", i, err.message);
    }
}

/* The head of a member by hand, and a block of its data. */
static void pack_by_hand(pack *p, const char *name, char type, const char *link, const char *data) {
    char *head = p->bytes + p->used;
    unsigned sum = 0;
    memset(head, 0, 1024);
    snprintf(head, 100, "%s", name);
    snprintf(head + 100, 8, "0000644");
    snprintf(head + 124, 12, "%011o", (unsigned)strlen(data));
    snprintf(head + 136, 12, "%011o", 0u);
    memset(head + 148, ' ', 8);
    head[156] = type;
    snprintf(head + 157, 100, "%s", link);
    memcpy(head + 257,
           "ustar\0"
           "00",
           8);
    for (int i = 0; i < 512; i++) sum += (unsigned char)head[i];
    snprintf(head + 148, 8, "%06o", sum);
    memcpy(head + 512, data, strlen(data));
    p->used += 1024;
}

/* In a pax archive a hard link may have data, as a file has: it is a link all the same. */
static void refuses_links_with_data(void **state) {
    (void)state;
    static pack p;
    rcr_folder *folder = NULL;
    rcr_error err = {0};
    for (int link = 0; link < 2; link++) {
        memset(&p, 0, sizeof p);
        pack_by_hand(&p, "pax", 'x', "", "12 size=0004\n");
        pack_by_hand(&p, "x", link ? '1' : '0', link ? "y" : "", "data");
        p.used += 1024; /* the end */
        rcr_status status = rcr_folder_open_memory(&folder, p.bytes, p.used, 1 << 20, &err);
        assert_int_equal(status, link ? RCR_ERR_DATA : RCR_OK);
        if (link)
            assert_non_null(strstr(err.message, "link"));
        else
            expect_file(folder, "x", "data");
        if (!link) rcr_folder_free(folder);
    }
}

static void limits_what_is_unpacked(void **state) {
    (void)state;
    char large[5001];
    memset(large, 'a', 5000);
    large[5000] = '\0';
    pack p;
    pack_begin(&p, 0, 1);
    pack_add(&p, "a", AE_IFREG, large);
    pack_add(&p, "b", AE_IFREG, large);
    pack_end(&p);
    rcr_folder *folder = NULL;
    assert_int_equal(rcr_folder_open_memory(&folder, p.bytes, p.used, 9999, NULL), RCR_ERR_LIMIT);
    assert_null(folder);
    assert_int_equal(rcr_folder_open_memory(&folder, p.bytes, p.used, 10000, NULL), RCR_OK);
    expect_file(folder, "b", large);
    rcr_folder_free(folder);
}

static void refuses_damaged_archives(void **state) {
    (void)state;
    pack p;
    pack_begin(&p, 0, 1);
    pack_add(&p, "a", AE_IFREG, "some content that is long enough to be cut");
    pack_end(&p);
    rcr_folder *folder = NULL;
    rcr_error err = {0};
    assert_int_equal(rcr_folder_open_memory(&folder, p.bytes, p.used / 2, 1 << 20, &err), RCR_ERR_PARSE);
    assert_int_equal(rcr_folder_open_memory(&folder, "no archive at all", 17, 1 << 20, &err), RCR_ERR_PARSE);
    assert_null(folder);
    assert_int_equal(rcr_folder_open(&folder, "/nonexistent/x.tar", &err), RCR_ERR_IO);
    assert_string_equal(err.file, "/nonexistent/x.tar");
}

static void reads_directories(void **state) {
    (void)state;
    char root[] = "/tmp/recryst-test-XXXXXX", path[256];
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof path, "%s/sub/deep", root);
    assert_int_equal(rcr_make_directory(path, NULL), RCR_OK);
    static const char *const names[] = {"b.cif", "sub/a.cif", "sub/deep/c"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", root, names[i]);
        assert_int_equal(rcr_file_write(path, names[i], strlen(names[i]), NULL), RCR_OK);
    }
    rcr_folder *folder;
    assert_int_equal(rcr_folder_open(&folder, root, NULL), RCR_OK);
    snprintf(path, sizeof path, "%s/up", root); /* folders below it are not listed, nor are links to any */
    assert_int_equal(symlink("..", path), 0);
    expect_list(folder, 1, names);
    assert_int_equal(unlink(path), 0);
    for (int i = 0; i < 3; i++) expect_file(folder, names[i], names[i]);
    static const char *const unsafe[] = {"../x", "/etc/passwd", "sub/../b.cif", "", ".", "sub//a.cif"};
    for (size_t i = 0; i < sizeof unsafe / sizeof unsafe[0]; i++) {
        char *data = NULL;
        size_t length;
        assert_false(rcr_folder_has(folder, unsafe[i]));
        assert_int_equal(rcr_folder_read(&data, &length, folder, unsafe[i], NULL), RCR_ERR_ARGUMENT);
        assert_null(data);
    }
    assert_false(rcr_folder_has(folder, "sub")); /* a folder is no file */
    rcr_folder_free(folder);
    for (int i = 2; i >= 0; i--) {
        snprintf(path, sizeof path, "%s/%s", root, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/sub/deep", root);
    rmdir(path);
    snprintf(path, sizeof path, "%s/sub", root);
    rmdir(path);
    assert_int_equal(rmdir(root), 0);
    rcr_folder_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_archives_of_each_kind),      cmocka_unit_test(holds_members_of_all_sizes),
        cmocka_unit_test(keeps_names_without_a_single_top), cmocka_unit_test(refuses_unsafe_members),
        cmocka_unit_test(refuses_links_with_data),          cmocka_unit_test(limits_what_is_unpacked),
        cmocka_unit_test(refuses_damaged_archives),         cmocka_unit_test(reads_directories)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
