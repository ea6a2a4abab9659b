/* Locks on folders: one at a time, gone with their holder, and what stays behind. */
#include "support/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/lock.h"

static void one_at_a_time(void **state) {
    (void)state;
    char folder[] = "/tmp/rcr-lock-XXXXXX", path[64], other[64];
    rcr_lock *lock = NULL, *second = NULL;
    rcr_error err;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/.lock", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    assert_int_equal(rcr_lock_take(&lock, folder, "run", &err), RCR_OK);
    assert_int_equal(rcr_lock_found(lock), 0);
    assert_int_equal(rcr_lock_take(&second, folder, "run", &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "another process works on this run"));
    assert_null(second);
    rcr_lock_release(lock, 1); /* in a folder that is empty otherwise there is nothing to mark */
    assert_int_equal(rcr_path_exists(path), 0);
    /* A mark, and what somebody who was killed has left. */
    assert_int_equal(rcr_lock_take(&lock, folder, "run", &err), RCR_OK);
    assert_int_equal(rcr_file_write(other, "x", 1, &err), RCR_OK);
    rcr_lock_release(lock, 1);
    assert_int_equal(rcr_path_exists(path), 1);
    assert_int_equal(rcr_lock_take(&lock, folder, "run", &err), RCR_OK);
    assert_int_equal(rcr_lock_found(lock), 1);
    rcr_lock_release(lock, 0);
    assert_int_equal(rcr_path_exists(path), 0);
    rcr_lock_release(NULL, 0);
    unlink(other);
    rmdir(folder);
    assert_int_equal(rcr_lock_take(&lock, folder, "run", &err), RCR_ERR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_at_a_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
