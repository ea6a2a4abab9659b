/* Keep a file that another process has mapped from having more than so many MiB in memory: a memory limit without a
 * control group, and so without rights.
 *     recryst train big.store --out run & bench_hold_pages $! big.store 100
 * Every few milliseconds the file's resident pages are counted (mincore), and where they are too many, those that
 * came first are taken from the process (process_madvise, MADV_PAGEOUT; Linux 5.10) and from the page cache.  Ends with
 * the process and prints what it saw. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, MAX_AGE = 255 };

/* Where the process has mapped the file; 0: nowhere. */
static unsigned long find_map(int pid, const char *name) {
    char path[64], line[4096];
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *file = fopen(path, "r");
    unsigned long at = 0;
    while (file != NULL && at == 0 && fgets(line, sizeof line, file) != NULL)
        if (strstr(line, name) != NULL) sscanf(line, "%lx-", &at);
    if (file != NULL) fclose(file);
    return at;
}

/* For how many looks each page has been resident, 1 for the first; 0: it is not.  Gives the number that is. */
static size_t note_ages(unsigned char *age, const unsigned char *resident, size_t n_pages) {
    size_t n = 0;
    for (size_t i = 0; i < n_pages; i++) {
        if ((resident[i] & 1) == 0)
            age[i] = 0;
        else if (n++, age[i] < MAX_AGE)
            age[i]++;
    }
    return n;
}

/* The greatest age that at most `limit` pages do not exceed. */
static int age_to_keep(const unsigned char *age, size_t n_pages, size_t limit) {
    size_t count[MAX_AGE + 1] = {0}, n = 0;
    for (size_t i = 0; i < n_pages; i++) count[age[i]]++;
    int keep = 0;
    while (keep < MAX_AGE && n + count[keep + 1] <= limit) n += count[++keep];
    return keep;
}

int main(int argc, char **argv) {
    struct stat info;
    if (argc != 4 || stat(argv[2], &info) != 0) {
        fprintf(stderr, "usage: %s PID FILE LIMIT_IN_MIB\n", argv[0]);
        return 2;
    }
    int pid = atoi(argv[1]), handle = (int)syscall(SYS_pidfd_open, pid, 0), file = open(argv[2], O_RDONLY);
    size_t n_pages = (size_t)info.st_size / PAGE, limit = (size_t)atol(argv[3]) * (1 << 20) / PAGE;
    void *own = mmap(NULL, n_pages * PAGE, PROT_READ, MAP_SHARED, file, 0);
    unsigned char *resident = calloc(n_pages, 1), *age = calloc(n_pages, 1);
    if (handle < 0 || own == MAP_FAILED || resident == NULL || age == NULL) return 1;
    const char *slash = strrchr(argv[2], '/'), *name = slash != NULL ? slash + 1 : argv[2];
    unsigned long map = 0;
    double looks = 0, sum = 0, taken = 0;
    while (kill(pid, 0) == 0) {
        nanosleep(&(struct timespec){0, 2000000}, NULL);
        if (map == 0 && (map = find_map(pid, name)) == 0) continue;
        if (mincore(own, n_pages * PAGE, resident) != 0) break;
        size_t n = note_ages(age, resident, n_pages);
        looks++;
        sum += (double)n;
        if (n <= limit) continue;
        int oldest = age_to_keep(age, n_pages, limit);
        for (size_t i = 0; i < n_pages; i++) {
            size_t length = 0;
            while (i + length < n_pages && age[i + length] > oldest) age[i + length++] = 0;
            if (length == 0) continue;
            struct iovec range = {(char *)map + i * PAGE, length * PAGE};
            if (syscall(SYS_process_madvise, handle, &range, 1UL, MADV_PAGEOUT, 0UL) < 0) break;
            posix_fadvise(file, (off_t)(i * PAGE), (off_t)(length * PAGE), POSIX_FADV_DONTNEED);
            taken += (double)length;
            i += length;
        }
    }
    printf("%.0f MiB of %.0f resident on average, %.0f MiB taken away\n",
           sum / (looks > 0 ? looks : 1) * PAGE / (1 << 20), (double)n_pages * PAGE / (1 << 20),
           taken * PAGE / (1 << 20));
    return 0;
}
