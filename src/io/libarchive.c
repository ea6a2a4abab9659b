#include "io/libarchive.h"

#include "base/status.h"

#ifndef RCR_LIBARCHIVE_SONAME

#define ADDRESS(name) archive_##name,
rcr_libarchive rcr_la = {RCR_LIBARCHIVE_FUNCTIONS(ADDRESS)};

rcr_status rcr_libarchive_load(rcr_error *err) {
    (void)err;
    return RCR_OK;
}

#else

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define NAME(name) "archive_" #name,
static const char *const names[] = {RCR_LIBARCHIVE_FUNCTIONS(NAME)};
enum { N_FUNCTIONS = sizeof names / sizeof names[0] };
_Static_assert(sizeof(rcr_libarchive) == N_FUNCTIONS * sizeof(void *), "the table holds function pointers alone");

/* Written once, before any use. */
rcr_libarchive rcr_la;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char problem[256] = ""; /* "": none */

/* It stays loaded for good. */
static void load(void) {
    void *library = dlopen(RCR_LIBARCHIVE_SONAME, RTLD_NOW | RTLD_LOCAL);
    int complete = library != NULL;
    for (size_t i = 0; i < N_FUNCTIONS && complete; i++) {
        void *function = dlsym(library, names[i]);
        complete = function != NULL;
        memcpy((char *)&rcr_la + i * sizeof function, &function, sizeof function);
    }
    if (complete) return;
    const char *why = dlerror();
    snprintf(problem, sizeof problem, "%s", why != NULL ? why : RCR_LIBARCHIVE_SONAME);
}

rcr_status rcr_libarchive_load(rcr_error *err) {
    pthread_once(&once, load);
    if (problem[0] == '\0') return RCR_OK;
    return rcr_fail(err, RCR_ERR_UNSUPPORTED, "archives can't be read: libarchive can't be loaded (%s)", problem);
}

#endif

void rcr_libarchive_enable(struct archive *archive) {
    rcr_la.read_support_filter_gzip(archive);
    rcr_la.read_support_filter_bzip2(archive);
    rcr_la.read_support_filter_xz(archive);
    rcr_la.read_support_filter_zstd(archive);
    rcr_la.read_support_format_tar(archive);
    rcr_la.read_support_format_gnutar(archive);
    rcr_la.read_support_format_zip(archive);
}
