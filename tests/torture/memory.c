/* Preloaded into the command: lets one allocation of its own code fail, or all from one on, and counts them.  Those of
 * the libraries that it stands on are left alone: several of them end the process where there is no memory.
 *
 * RECRYST_MEMORY="NTH TIMES": the calls that fail, counted from 1; "0 0": none.
 * RECRYST_MEMORY_LOG=FILE: at the end, or when the first fails, "calls N" or "fired N". */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static atomic_long n_calls;
static long nth, times;
static uintptr_t code_begin, code_end; /* of the program */

__attribute__((noinline)) static void say(const char *what, long n) {
    const char *path = getenv("RECRYST_MEMORY_LOG");
    char line[64];
    int length = snprintf(line, sizeof line, "%s %ld\n", what, n);
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    if (fd < 0) return;
    if (write(fd, line, (size_t)length) != length) abort();
    close(fd);
}

/* The first that is listed is the program. */
static int find_code(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size, (void)context;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X) != 0) {
            code_begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            code_end = code_begin + info->dlpi_phdr[i].p_memsz;
        }
    return 1;
}

__attribute__((constructor)) static void begin(void) {
    const char *order = getenv("RECRYST_MEMORY");
    if (order == NULL || sscanf(order, "%ld %ld", &nth, &times) != 2) return;
    dl_iterate_phdr(find_code, NULL);
}

__attribute__((destructor)) static void end(void) {
    if (nth == 0) say("calls", atomic_load(&n_calls));
}

static int fails(const void *caller) {
    if ((uintptr_t)caller < code_begin || (uintptr_t)caller >= code_end) return 0;
    long n = atomic_fetch_add(&n_calls, 1) + 1;
    if (nth == 0 || n < nth || n - nth >= times) return 0;
    if (n == nth) say("fired", n);
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) { return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size); }
void *realloc(void *block, size_t size) {
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(block, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
    return fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}
