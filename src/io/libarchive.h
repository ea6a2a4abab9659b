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

#include "recryst.h"

#define RCR_LIBARCHIVE_FUNCTIONS(X)                                                                                    \
    X(entry_filetype)                                                                                                  \
    X(entry_hardlink)                                                                                                  \
    X(entry_pathname)                                                                                                  \
    X(entry_pathname_utf8)                                                                                             \
    X(entry_symlink)                                                                                                   \
    X(error_string)                                                                                                    \
    X(format)                                                                                                          \
    X(read_data)                                                                                                       \
    X(read_free)                                                                                                       \
    X(read_new)                                                                                                        \
    X(read_next_header)                                                                                                \
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
    X(read_support_format_zip)

#define RCR_FUNCTION_POINTER(name) __typeof__(archive_##name) *name;
typedef struct rcr_libarchive {
    RCR_LIBARCHIVE_FUNCTIONS(RCR_FUNCTION_POINTER)
} rcr_libarchive;
#undef RCR_FUNCTION_POINTER

extern rcr_libarchive rcr_la; /* filled once, by the first rcr_libarchive_load */

/* From any thread, any number of times.  Errors: RCR_ERR_UNSUPPORTED: the library is not installed. */
rcr_status rcr_libarchive_load(rcr_error *err);

/* What is read: gzip, bzip2, xz, zstd; tar and zip.  By name, since "all" would include filters that start other
 * programs.  The library is loaded. */
void rcr_libarchive_enable(struct archive *archive);

#endif
