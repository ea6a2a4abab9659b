/* How fast files of structures are read, on one thread: bench_reader FILE...      (docs/formats.md has its figures)
 * Prints for each file the structures, those that are bad, atoms, the best time of five, structures/s and MB/s of the
 * file. */
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/status.h"
#include "io/reader.h"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int read_file(const char *path) {
    double best = 1e300;
    long n = 0, n_bad = 0, n_atoms = 0;
    for (int run = 0; run < 5; run++) {
        rcr_reader *reader;
        rcr_record record;
        rcr_error err;
        double begin = now();
        n = n_bad = n_atoms = 0;
        if (rcr_reader_open(&reader, path, &err) != RCR_OK) {
            char text[sizeof err + 32];
            rcr_error_format(text, sizeof text, &err);
            fprintf(stderr, "%s\n", text);
            return 1;
        }
        for (; rcr_reader_read(reader, &record); n++) {
            n_bad += record.crystal == NULL;
            n_atoms += record.crystal != NULL ? record.crystal->n_sites : 0;
            rcr_record_release(&record);
        }
        rcr_reader_close(reader);
        if (now() - begin < best) best = now() - begin;
    }
    struct stat info;
    double bytes = stat(path, &info) == 0 ? (double)info.st_size : 0;
    printf("%-28s %7ld %4ld bad %9ld atoms %8.4f s %9.0f structures/s %7.1f MB/s\n", path, n, n_bad, n_atoms, best,
           (double)n / best, 1e-6 * bytes / best);
    return 0;
}

int main(int argc, char **argv) {
    int failed = 0;
    for (int i = 1; i < argc; i++) failed |= read_file(argv[i]);
    return failed;
}
