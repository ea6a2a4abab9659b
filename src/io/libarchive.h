/* libarchive, which is loaded when the first archive is opened.  It brings ten libraries along (XML, Unicode tables,
 * C++, compression), and starting a program with them takes 3 ms: as long as all that predicting one crystal takes.
 *
 * Its functions are called through a table, rcr_la.read_new(), after rcr_libarchive_load has succeeded; one
 * that is not called yet needs an entry in the list.  Without RCR_LIBARCHIVE_SONAME (the CMake option
 * RECRYST_LAZY_LIBARCHIVE is off, or the name could not be told) the program is linked with libarchive as usual. */
#ifndef RCR_IO_LIBARCHIVE_H
#define RCR_IO_LIBARCHIVE_H

#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>

#include "recryst.h"

#define RCR_LIBARCHIVE_FUNCTIONS(X)                                                                                    \
    X(entry_filetype)                                                                                                  \
    X(entry_hardlink)                                                                                                  \
    X(entry_pathname)                                                                                                  \
    X(entry_pathname_utf8)                                                                                             \
    X(entry_symlink)                                                                                                   \
    X(error_string)                                                                                                    \
    X(filter_bytes)                                                                                                    \
    X(format)                                                                                                          \
    X(read_data)                                                                                                       \
    X(read_data_block)                                                                                                 \
    X(read_free)                                                                                                       \
    X(read_new)                                                                                                        \
    X(read_next_header)                                                                                                \
    X(read_open)                                                                                                       \
    X(read_open_filename)                                                                                              \
    X(read_open_memory)                                                                                                \
    X(read_support_filter_bzip2)                                                                                       \
    X(read_support_filter_gzip)                                                                                        \
    X(read_support_filter_xz)                                                                                          \
    X(read_support_filter_zstd)                                                                                        \
    X(read_support_format_empty)                                                                                       \
    X(read_support_format_gnutar)                                                                                      \
    X(read_support_format_raw)                                                                                         \
    X(read_support_format_tar)                                                                                         \
    X(read_support_format_zip)                                                                                         \
    X(set_error)

#define RCR_FUNCTION_POINTER(name) __typeof__(archive_##name) *name;
typedef struct rcr_libarchive {
    RCR_LIBARCHIVE_FUNCTIONS(RCR_FUNCTION_POINTER)
} rcr_libarchive;
#undef RCR_FUNCTION_POINTER

/* zlib, which libarchive brings along: gunzip.h says why it is called beside it. */
#define RCR_ZLIB_FUNCTIONS(X) X(begin, inflateInit2_) X(run, inflate) X(reset, inflateReset) X(end, inflateEnd)

#define RCR_FUNCTION_POINTER(name, function) __typeof__(function) *name;
typedef struct rcr_zlib {
    RCR_ZLIB_FUNCTIONS(RCR_FUNCTION_POINTER)
} rcr_zlib;
#undef RCR_FUNCTION_POINTER

extern rcr_libarchive rcr_la; /* filled once, by the first rcr_libarchive_load; so is rcr_z */
extern rcr_zlib rcr_z;

/* From any thread, any number of times.  Errors: RCR_ERR_UNSUPPORTED: the library is not installed. */
rcr_status rcr_libarchive_load(rcr_error *err);

/* Where the bytes of an archive come from. */
typedef struct rcr_archive_source {
    struct rcr_gunzip *gunzip;
    struct rcr_unfilter *unfilter; /* both NULL: libarchive reads them itself */
    char *buffer;
    size_t n_first;  /* bytes in the buffer that were read ahead */
    rcr_error error; /* why unpacking failed; status RCR_OK: it did not */
} rcr_archive_source;

/* Open a file, or where path is NULL the bytes, with what gzip, bzip2, xz or zstd packed unpacked on the way.  *source,
 * which the caller sets to zeros before and closes after the archive is freed, must stay where it is. Errors: those of
 * gunzip.h and unfilter.h; RCR_ERR_PARSE. */
rcr_status rcr_archive_open(struct archive *archive, rcr_archive_source *source, const char *path, const void *data,
                            size_t length, rcr_error *err);
void rcr_archive_close(rcr_archive_source *source);
/* What went wrong with the archive: `what`, and why. */
rcr_status rcr_archive_fail(struct archive *archive, const rcr_archive_source *source, const char *what,
                            rcr_error *err);

/* What is read: gzip, bzip2, xz, zstd; tar and zip.  By name, since "all" would include filters that start other
 * programs.  The library is loaded. */
void rcr_libarchive_enable(struct archive *archive);
/* The first four of them alone. */
void rcr_libarchive_enable_filters(struct archive *archive);

#endif
