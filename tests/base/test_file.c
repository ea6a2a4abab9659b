#include "support/folder.h"

#include <fcntl.h>

#include "base/file.h"
#include "base/mem.h"

static void reads_whole_files(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "a", "hello");
    folder_write(&f, "empty", "");
    char *text = NULL;
    size_t length;
    rcr_error err = {0};
    assert_int_equal(rcr_file_read(&text, &length, folder_path(&f, "a"), 5, &err), RCR_OK);
    assert_string_equal(text, "hello");
    assert_int_equal(length, 5);
    rcr_free(text);
    assert_int_equal(rcr_file_read(&text, &length, folder_path(&f, "empty"), 5, &err), RCR_OK);
    assert_int_equal(length, 0);
    assert_string_equal(text, "");
    rcr_free(text);
    text = NULL;
    assert_int_equal(rcr_file_read(&text, &length, folder_path(&f, "a"), 4, &err), RCR_ERR_LIMIT);
    assert_int_equal(rcr_file_read(&text, &length, folder_path(&f, "missing"), 5, &err), RCR_ERR_IO);
    assert_string_equal(err.file, folder_path(&f, "missing"));
    assert_non_null(strstr(err.message, "no such file"));
    assert_int_equal(rcr_file_read(&text, &length, f.path, 5, &err), RCR_ERR_IO);
    assert_non_null(strstr(err.message, "folder"));
    assert_int_equal(mkfifo(folder_path(&f, "pipe"), 0600), 0); /* must not hang */
    assert_int_equal(rcr_file_read(&text, &length, folder_path(&f, "pipe"), 5, &err), RCR_ERR_IO);
    assert_null(text);
    folder_remove(&f);
}

static void joins_folder_and_name(void **state) {
    (void)state;
    test_folder f = folder_make();
    rcr_text text = {0};
    rcr_error err = {0};
    rcr_text_puts(&text, "hello");
    assert_int_equal(rcr_file_write_in(f.path, "a", &text, &err), RCR_OK);
    assert_null(text.data); /* it is freed */
    assert_true(rcr_is_file_in(f.path, "a"));
    assert_false(rcr_is_file_in(f.path, "b"));
    assert_false(rcr_is_file_in(folder_path(&f, "a"), "b"));
    char *back = NULL;
    size_t length;
    assert_int_equal(rcr_file_read_in(&back, &length, f.path, "a", 5, &err), RCR_OK);
    assert_string_equal(back, "hello");
    rcr_free(back);
    assert_int_equal(rcr_file_read_in(&back, &length, f.path, "b", 5, &err), RCR_ERR_IO);
    assert_string_equal(err.file, folder_path(&f, "b"));
    text.failed = 1;
    assert_int_equal(rcr_file_write_in(f.path, "c", &text, &err), RCR_ERR_MEMORY);
    assert_false(rcr_is_file_in(f.path, "c"));
    folder_remove(&f);
}

static void paths_from_the_root(void **state) {
    (void)state;
    char here[4096], *path = NULL;
    rcr_error err = {0};
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(rcr_absolute_path(&path, "/a/b", &err), RCR_OK);
    assert_string_equal(path, "/a/b");
    rcr_free(path);
    assert_int_equal(rcr_absolute_path(&path, "a/b", &err), RCR_OK);
    assert_int_equal(strlen(path), strlen(here) + 4);
    assert_memory_equal(path, here, strlen(here));
    assert_string_equal(path + strlen(here), "/a/b");
    rcr_free(path);
    /* A folder that is removed has no name any more. */
    test_folder f = folder_make();
    assert_int_equal(chdir(f.path), 0);
    folder_remove(&f);
    path = NULL;
    assert_int_equal(rcr_absolute_path(&path, "a", &err), RCR_ERR_IO);
    assert_null(path);
    assert_int_equal(chdir(here), 0);
}

static void expect_content(const test_folder *f, const char *name, const char *content) {
    char *text = folder_read(f, name);
    assert_non_null(text);
    assert_string_equal(text, content);
    free(text);
}

static void writes_whole_or_not_at_all(void **state) {
    (void)state;
    test_folder f = folder_make();
    rcr_writer *writer;
    rcr_error err = {0};
    assert_int_equal(rcr_writer_open(&writer, folder_path(&f, "out"), &err), RCR_OK);
    rcr_writer_write(writer, "one ", 4);
    rcr_writer_printf(writer, "%d %s", 2, "three");
    assert_false(rcr_is_file(folder_path(&f, "out"))); /* not before commit */
    assert_int_equal(folder_count(&f), 1);
    assert_int_equal(rcr_writer_commit(writer, &err), RCR_OK);
    expect_content(&f, "out", "one 2 three");
    assert_int_equal(folder_count(&f), 1);

    assert_int_equal(rcr_writer_open(&writer, folder_path(&f, "out"), &err), RCR_OK);
    rcr_writer_printf(writer, "half of");
    rcr_writer_abort(writer);
    expect_content(&f, "out", "one 2 three"); /* the old contents stay */
    assert_int_equal(folder_count(&f), 1);    /* and the temporary file is gone */
    rcr_writer_abort(NULL);

    assert_int_equal(chmod(folder_path(&f, "out"), 0640), 0);
    assert_int_equal(rcr_file_write(folder_path(&f, "out"), "new", 3, &err), RCR_OK);
    expect_content(&f, "out", "new");
    struct stat info;
    assert_int_equal(stat(folder_path(&f, "out"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    folder_remove(&f);
}

static void writes_more_than_its_buffer(void **state) {
    (void)state;
    test_folder f = folder_make();
    enum { N = 300000 };
    char *expected = malloc(N + 1);
    assert_non_null(expected);
    for (int i = 0; i < N; i++) expected[i] = (char)('a' + i % 23);
    expected[N] = '\0';
    rcr_writer *writer;
    assert_int_equal(rcr_writer_open(&writer, folder_path(&f, "out"), NULL), RCR_OK);
    size_t at = 0;
    static const size_t pieces[] = {1, 65535, 1, 65537, 70000, 100, 5000};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        rcr_writer_write(writer, expected + at, pieces[i]);
        at += pieces[i];
    }
    rcr_writer_printf(writer, "%s", expected + at);
    assert_int_equal(rcr_writer_commit(writer, NULL), RCR_OK);
    expect_content(&f, "out", expected);
    free(expected);
    folder_remove(&f);
}

static void reports_what_can_not_be_written(void **state) {
    (void)state;
    test_folder f = folder_make();
    rcr_error err = {0};
    assert_int_equal(rcr_file_write(folder_path(&f, "no/such/folder"), "x", 1, &err), RCR_ERR_IO);
    assert_string_equal(err.file, folder_path(&f, "no/such/folder"));
    assert_int_equal(rcr_file_write(f.path, "x", 1, &err), RCR_ERR_IO);
    assert_non_null(strstr(err.message, "folder"));
    folder_write(&f, "file", "kept");
    assert_int_equal(rcr_file_write(folder_path(&f, "file/x"), "x", 1, &err), RCR_ERR_IO);
    if (geteuid() != 0) { /* root may write everywhere */
        assert_int_equal(chmod(f.path, 0555), 0);
        assert_int_equal(rcr_file_write(folder_path(&f, "file"), "x", 1, &err), RCR_ERR_IO);
        assert_non_null(strstr(err.message, "permission"));
        assert_int_equal(chmod(f.path, 0755), 0);
    }
    expect_content(&f, "file", "kept");
    assert_int_equal(folder_count(&f), 1);
    /* A folder that takes the name while the file is being written: rename fails, nothing is left behind. */
    rcr_writer *writer;
    assert_int_equal(rcr_writer_open(&writer, folder_path(&f, "late"), &err), RCR_OK);
    assert_int_equal(mkdir(folder_path(&f, "late"), 0755), 0);
    assert_int_equal(rcr_writer_commit(writer, &err), RCR_ERR_IO);
    assert_int_equal(folder_count(&f), 2);
    folder_remove(&f);
}

static void full_devices_are_errors(void **state) {
    (void)state;
    struct stat info;
    if (stat("/dev/full", &info) != 0) skip();
    rcr_error err = {0};
    assert_int_equal(rcr_file_write("/dev/full", "x", 1, &err), RCR_ERR_IO);
    assert_non_null(strstr(err.message, "no space"));
    assert_int_equal(stat("/dev/full", &info), 0);
    assert_true(S_ISCHR(info.st_mode)); /* written to, not replaced */
    assert_int_equal(rcr_file_write("/dev/null", "x", 1, &err), RCR_OK);
}

static void expect_link(const test_folder *f, const char *name, const char *target) {
    char text[1024];
    ssize_t n = readlink(folder_path(f, name), text, sizeof text - 1);
    assert_true(n >= 0);
    text[n] = '\0';
    assert_string_equal(text, target);
}

static void links_are_followed(void **state) {
    (void)state;
    test_folder f = folder_make();
    rcr_error err = {0};
    assert_int_equal(mkdir(folder_path(&f, "far"), 0755), 0);
    folder_write(&f, "far/file", "old");
    assert_int_equal(chmod(folder_path(&f, "far/file"), 0640), 0);
    assert_int_equal(symlink("far/second", folder_path(&f, "first")), 0);
    assert_int_equal(symlink("file", folder_path(&f, "far/second")), 0);
    assert_int_equal(rcr_file_write(folder_path(&f, "first"), "new", 3, &err), RCR_OK);
    expect_link(&f, "first", "far/second");
    expect_link(&f, "far/second", "file");
    expect_content(&f, "far/file", "new");
    struct stat info;
    assert_int_equal(stat(folder_path(&f, "far/file"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(folder_count(&f), 2); /* nothing is left beside the link either */

    /* To what is not there yet, from the root. */
    assert_int_equal(symlink(folder_path(&f, "far/made"), folder_path(&f, "absolute")), 0);
    assert_int_equal(rcr_file_write(folder_path(&f, "absolute"), "made", 4, &err), RCR_OK);
    expect_link(&f, "absolute", folder_path(&f, "far/made"));
    expect_content(&f, "far/made", "made");

    assert_int_equal(symlink("round", folder_path(&f, "round")), 0);
    assert_int_equal(rcr_file_write(folder_path(&f, "round"), "x", 1, &err), RCR_ERR_IO);
    assert_non_null(strstr(err.message, "too many symbolic links"));
    assert_int_equal(symlink("no/such", folder_path(&f, "nowhere")), 0);
    assert_int_equal(rcr_file_write(folder_path(&f, "nowhere"), "x", 1, &err), RCR_ERR_IO);
    assert_non_null(strstr(err.message, "no such file"));
    assert_string_equal(err.file, folder_path(&f, "nowhere"));
    folder_remove(&f);
}

/* Where all may make links, another user's could lead a file of ours anywhere. */
static void links_of_others_are_refused(void **state) {
    (void)state;
    if (geteuid() != 0) skip(); /* only root can make one */
    test_folder f = folder_make();
    rcr_error err = {0};
    folder_write(&f, "kept", "kept");
    assert_int_equal(mkdir(folder_path(&f, "all"), 0700), 0);
    assert_int_equal(chmod(folder_path(&f, "all"), 01777), 0);
    assert_int_equal(symlink("../kept", folder_path(&f, "all/link")), 0);
    assert_int_equal(rcr_file_write(folder_path(&f, "all/link"), "mine", 4, &err), RCR_OK);
    assert_int_equal(lchown(folder_path(&f, "all/link"), 4321, 4321), 0);
    assert_int_equal(rcr_file_write(folder_path(&f, "all/link"), "x", 1, &err), RCR_ERR_IO);
    assert_non_null(strstr(err.message, "permission denied"));
    expect_content(&f, "kept", "mine");
    folder_remove(&f);
}

/* The names of descriptors lead to regular files, too, whose names are not to be replaced. */
static void descriptors_are_written_to(void **state) {
    (void)state;
    if (!rcr_is_directory("/dev/fd")) skip();
    test_folder f = folder_make();
    rcr_error err = {0};
    folder_write(&f, "file", "");
    int fd = open(folder_path(&f, "file"), O_WRONLY), reading = open(folder_path(&f, "file"), O_RDONLY);
    assert_true(fd >= 0 && reading >= 0);
    char name[64];
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    assert_int_equal(rcr_path_descriptor(name), fd);
    assert_int_equal(symlink(name, folder_path(&f, "link")), 0);
    assert_int_equal(rcr_path_descriptor(folder_path(&f, "link")), fd);
    assert_int_equal(rcr_file_write(folder_path(&f, "link"), "one ", 4, &err), RCR_OK);
    assert_int_equal(write(fd, "two ", 4), 4); /* it is open still, and goes on where the writer ended */
    assert_int_equal(rcr_file_write(name, "three", 5, &err), RCR_OK);
    expect_content(&f, "file", "one two three");
    expect_link(&f, "link", name);
    struct stat a, b;
    assert_int_equal(fstat(fd, &a), 0);
    assert_int_equal(stat(folder_path(&f, "file"), &b), 0);
    assert_int_equal(a.st_ino, b.st_ino);

    snprintf(name, sizeof name, "/dev/fd/%d", reading);
    assert_int_equal(rcr_file_write(name, "x", 1, &err), RCR_ERR_IO);
    assert_non_null(strstr(err.message, "not open for that"));
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(reading), 0);
    assert_int_equal(rcr_file_write(name, "x", 1, &err), RCR_ERR_IO);
    /* Digits elsewhere are a name as any other. */
    assert_int_equal(rcr_path_descriptor(folder_path(&f, "1")), -1);
    assert_int_equal(rcr_path_descriptor("1"), -1);
    folder_remove(&f);
}

static void makes_folders(void **state) {
    (void)state;
    test_folder f = folder_make();
    rcr_error err = {0};
    assert_int_equal(rcr_make_directory(folder_path(&f, "a/b//c/"), &err), RCR_OK);
    assert_true(rcr_is_directory(folder_path(&f, "a/b/c")));
    assert_int_equal(rcr_make_directory(folder_path(&f, "a/b/c"), &err), RCR_OK);
    folder_write(&f, "file", "");
    assert_int_equal(rcr_make_directory(folder_path(&f, "file"), &err), RCR_ERR_IO);
    assert_int_equal(rcr_make_directory(folder_path(&f, "file/x"), &err), RCR_ERR_IO);
    assert_int_equal(rcr_make_directory("", &err), RCR_ERR_IO);
    assert_true(rcr_is_file(folder_path(&f, "file")) && !rcr_is_file(f.path) && !rcr_is_directory("/nonexistent"));
    folder_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_whole_files),           cmocka_unit_test(writes_whole_or_not_at_all),
        cmocka_unit_test(writes_more_than_its_buffer), cmocka_unit_test(reports_what_can_not_be_written),
        cmocka_unit_test(full_devices_are_errors),     cmocka_unit_test(makes_folders),
        cmocka_unit_test(joins_folder_and_name),       cmocka_unit_test(paths_from_the_root),
        cmocka_unit_test(links_are_followed),          cmocka_unit_test(links_of_others_are_refused),
        cmocka_unit_test(descriptors_are_written_to)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
