/* libarchive, which is loaded when the first archive is opened.  It brings ten libraries along (XML, Unicode tables,
 * C++, compression), and starting a program with them takes 3 ms: as long as all that predicting one crystal takes.
 *
 * Its functions are called through a table, rcr_la.archive_read_new(), after rcr_libarchive_load has succeeded; one
 * that is not called yet needs an entry in the list.  Without RCR_LIBARCHIVE_SONAME (the CMake option
 * RECRYST_LAZY_LIBARCHIVE is off, or the name could not be told) the program is linked with libarchive as usual. */
#ifndef RCR_IO_LIBARCHIVE_H
#define RCR_IO_LIBARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#include "recryst.h"

#define RCR_LIBARCHIVE_FUNCTIONS(X)                                                                                    \
    X(archive_entry_filetype)                                                                                          \
    X(archive_entry_hardlink)                                                                                          \
    X(archive_entry_pathname)                                                                                          \
    X(archive_entry_pathname_utf8)                                                                                     \
    X(archive_entry_symlink)                                                                                           \
    X(archive_error_string)                                                                                            \
    X(archive_read_data)                                                                                               \
    X(archive_read_free)                                                                                               \
    X(archive_read_new)                                                                                                \
    X(archive_read_next_header)                                                                                        \
    X(archive_read_open_filename)                                                                                      \
    X(archive_read_open_memory)                                                                                        \
    X(archive_read_support_filter_bzip2)                                                                               \
    X(archive_read_support_filter_gzip)                                                                                \
    X(archive_read_support_filter_xz)                                                                                  \
    X(archive_read_support_filter_zstd)                                                                                \
    X(archive_read_support_format_gnutar)                                                                              \
    X(archive_read_support_format_tar)                                                                                 \
    X(archive_read_support_format_zip)

#define RCR_FUNCTION_POINTER(name) __typeof__(name) *name;
typedef struct rcr_libarchive {
    RCR_LIBARCHIVE_FUNCTIONS(RCR_FUNCTION_POINTER)
} rcr_libarchive;
#undef RCR_FUNCTION_POINTER

extern rcr_libarchive rcr_la; /* filled once, by the first rcr_libarchive_load */

/* From any thread, any number of times.  Errors: RCR_ERR_UNSUPPORTED: the library is not installed. */
rcr_status rcr_libarchive_load(rcr_error *err);

#endif
