/* A fuzz target is tests/fuzz/fuzz_NAME.c with this one function; its seeds are the files of tests/fuzz/corpus/NAME.
 * `ctest` runs it over the seeds and over mutations of them that are the same each time (run_corpus.c); a build with
 * clang and -DRECRYST_FUZZ=ON also makes libfuzz_NAME, the same target under libFuzzer. */
#ifndef RCR_TESTS_FUZZ_FUZZ_H
#define RCR_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* data is not NUL-terminated and lies in a block of exactly `size` bytes.  Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold does not. */
static inline int fuzz_fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    abort();
}

#endif
