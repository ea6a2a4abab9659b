/* Extended XYZ: frames of "n", a line of key=value (Lattice, Properties, targets), n lines of atoms. */
#ifndef RCR_IO_EXTXYZ_H
#define RCR_IO_EXTXYZ_H

#include "recryst.h"

/* One key=value of a frame's second line; views into the text, not NUL-terminated, quotes removed. */
typedef struct rcr_extxyz_info {
    const char *key;
    size_t key_length;
    const char *value;
    size_t value_length;
    int own; /* 1: the frame's Lattice, Properties or pbc, which is no property of it */
} rcr_extxyz_info;

/* One frame.  Of Lattice, Properties and pbc the first key that is spelled so counts, else the first that differs in
 * letter case.  infos: up to max_infos are filled, *n_infos says how many there are.  *consumed: bytes of text that the
 * frame takes, also when it is a bad frame whose end is known, so that the caller can go on; 0 when not even that is
 * known. `line` is the number of the first line of text in its file. */
rcr_status rcr_extxyz_parse(rcr_crystal **out, rcr_extxyz_info *infos, size_t max_infos, size_t *n_infos,
                            size_t *consumed, const char *id, const char *text, size_t length, long line,
                            rcr_error *err);

/* The same with all infos, also of a bad frame; *infos is NULL where there is no memory for them.  Free with rcr_free.
 */
rcr_status rcr_extxyz_parse_all(rcr_crystal **out, rcr_extxyz_info **infos, size_t *n_infos, size_t *consumed,
                                const char *id, const char *text, size_t length, long line, rcr_error *err);

/* What ends a frame's lines, told by its first line that is not blank: '\n' (LF or CRLF), or '\r' (CR). */
char rcr_extxyz_line_end(const char *text, size_t length);

/* The info that names a frame: id, material_id or name, whichever comes first in this list; NULL when there is none. */
const rcr_extxyz_info *rcr_extxyz_find_id(const rcr_extxyz_info *infos, size_t n);

#endif
