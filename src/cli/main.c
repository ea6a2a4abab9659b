#include "cli/cli.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

int main(int argc, char **argv) {
#if defined(__GLIBC__)
    /* Large blocks go back to the system when they are freed.  By default glibc keeps ever larger ones, and the buffers
     * of training and of every thread that predicts come to stay side by side. */
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
    return rcr_cli_main(argc, argv);
}
