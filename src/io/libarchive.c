#include "io/libarchive.h"

#include <errno.h>

#include "base/mem.h"
#include "base/status.h"
#include "io/gunzip.h"
#include "io/unfilter.h"

#ifndef RCR_LIBARCHIVE_SONAME

#define ADDRESS(name) archive_##name,
rcr_libarchive rcr_la = {RCR_LIBARCHIVE_FUNCTIONS(ADDRESS)};
#define ZLIB_ADDRESS(name, function) function,
rcr_zlib rcr_z = {RCR_ZLIB_FUNCTIONS(ZLIB_ADDRESS)};

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

#define ZLIB_NAME(name, function) #function,
static const char *const zlib_names[] = {RCR_ZLIB_FUNCTIONS(ZLIB_NAME)};
enum { N_ZLIB_FUNCTIONS = sizeof zlib_names / sizeof zlib_names[0] };
_Static_assert(sizeof(rcr_zlib) == N_ZLIB_FUNCTIONS * sizeof(void *), "the table holds function pointers alone");

/* Written once, before any use. */
rcr_libarchive rcr_la;
rcr_zlib rcr_z;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char problem[256] = ""; /* "": none */

/* It stays loaded for good. */
static void load_from(const char *soname, void *table, const char *const *name, size_t n) {
    void *library = problem[0] == '\0' ? dlopen(soname, RTLD_NOW | RTLD_LOCAL) : NULL;
    int complete = library != NULL;
    for (size_t i = 0; i < n && complete; i++) {
        void *function = dlsym(library, name[i]);
        complete = function != NULL;
        memcpy((char *)table + i * sizeof function, &function, sizeof function);
    }
    if (complete || problem[0] != '\0') return;
    const char *why = dlerror();
    snprintf(problem, sizeof problem, "%s", why != NULL ? why : soname);
}

static void load(void) {
    load_from(RCR_LIBARCHIVE_SONAME, &rcr_la, names, N_FUNCTIONS);
    load_from("libz.so.1", &rcr_z, zlib_names, N_ZLIB_FUNCTIONS);
}

rcr_status rcr_libarchive_load(rcr_error *err) {
    pthread_once(&once, load);
    if (problem[0] == '\0') return RCR_OK;
    return rcr_fail(err, RCR_ERR_UNSUPPORTED, "archives can't be read: libarchive can't be loaded (%s)", problem);
}

#endif

void rcr_libarchive_enable_filters(struct archive *archive) {
    rcr_la.read_support_filter_gzip(archive);
    rcr_la.read_support_filter_bzip2(archive);
    rcr_la.read_support_filter_xz(archive);
    rcr_la.read_support_filter_zstd(archive);
}

void rcr_libarchive_enable(struct archive *archive) {
    rcr_libarchive_enable_filters(archive);
    rcr_la.read_support_format_tar(archive);
    rcr_la.read_support_format_gnutar(archive);
    rcr_la.read_support_format_zip(archive);
}

/* ---------------------------------------------------------------- where the bytes come from */

enum { CHUNK = 1 << 16 };

static la_ssize_t give(struct archive *a, void *data, const void **buffer) {
    rcr_archive_source *s = data;
    size_t n = s->n_first;
    rcr_status status = RCR_OK;
    *buffer = s->buffer;
    s->n_first = 0;
    if (s->unfilter != NULL)
        status = rcr_unfilter_next(buffer, &n, s->unfilter, &s->error);
    else if (n == 0)
        status = rcr_gunzip_read(&n, s->gunzip, s->buffer, CHUNK, &s->error);
    if (status == RCR_OK) return (la_ssize_t)n;
    rcr_la.set_error(a, EINVAL, "%s", s->error.message);
    return ARCHIVE_FATAL;
}

/* The first bytes that come out of gzip, enough to tell whether they are packed in another way. */
static rcr_status read_ahead(rcr_archive_source *s, rcr_error *err) {
    if ((s->buffer = rcr_malloc(CHUNK, 1)) == NULL) return rcr_fail_memory(err, "unpacking");
    for (size_t n = 1; n > 0 && s->n_first < CHUNK / 2; s->n_first += n) {
        rcr_status status = rcr_gunzip_read(&n, s->gunzip, s->buffer + s->n_first, CHUNK - s->n_first, err);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

/* Unpack gzip, and in it or without it what else may be packed. */
static rcr_status open_source(rcr_archive_source *s, const char *path, const void *data, size_t length,
                              rcr_error *err) {
    rcr_status status = rcr_gunzip_open(&s->gunzip, path, data, length, err);
    if (status == RCR_OK && s->gunzip != NULL) status = read_ahead(s, err);
    if (status != RCR_OK) return status;
    return rcr_unfilter_open(&s->unfilter, s->gunzip, s->buffer, s->n_first, path, data, length, err);
}

rcr_status rcr_archive_open(struct archive *archive, rcr_archive_source *source, const char *path, const void *data,
                            size_t length, rcr_error *err) {
    rcr_status status = open_source(source, path, data, length, err);
    if (status != RCR_OK) return status;
    int code;
    if (source->gunzip == NULL && source->unfilter == NULL)
        code = path != NULL ? rcr_la.read_open_filename(archive, path, CHUNK)
                            : rcr_la.read_open_memory(archive, data, length);
    else
        code = rcr_la.read_open(archive, source, NULL, give, NULL);
    return code < ARCHIVE_WARN ? rcr_archive_fail(archive, source, "can't unpack", err) : RCR_OK;
}

void rcr_archive_close(rcr_archive_source *source) {
    rcr_unfilter_free(source->unfilter);
    rcr_gunzip_free(source->gunzip);
    rcr_free(source->buffer);
    source->unfilter = NULL;
    source->gunzip = NULL;
    source->buffer = NULL;
}

rcr_status rcr_archive_fail(struct archive *archive, const rcr_archive_source *source, const char *what,
                            rcr_error *err) {
    if (source->error.status != RCR_OK) {
        if (err != NULL) *err = source->error;
        return source->error.status;
    }
    const char *why = rcr_la.error_string(archive);
    return rcr_fail(err, RCR_ERR_PARSE, "%s: %.300s", what, why != NULL ? why : "the data are damaged");
}
