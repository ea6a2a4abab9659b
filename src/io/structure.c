#include "io/structure.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/cif.h"
#include "io/extxyz.h"

static const char *line_end(const char *p, const char *end) {
    while (p < end && *p != '\n' && *p != '\r') p++;
    return p;
}

static const char *skip_line_end(const char *p, const char *end) {
    if (p < end && *p == '\r') p++;
    if (p < end && *p == '\n' && (p[-1] == '\r' || p[-1] != '\n')) p++;
    return p;
}

static int is_blank_line(const char *p, const char *stop) {
    while (p < stop && (unsigned char)*p <= ' ') p++;
    return p == stop;
}

/* A count alone on its line, then a line with Lattice= or Properties=. */
static int looks_like_extxyz(const char *text, const char *end) {
    while (text < end && (unsigned char)*text <= ' ') text++;
    const char *stop = line_end(text, end), *p = text;
    while (p < stop && rcr_is_digit((unsigned char)*p)) p++;
    if (p == text || !is_blank_line(p, stop)) return 0;
    p = skip_line_end(stop, end);
    stop = line_end(p, end);
    for (; p < stop; p++) {
        size_t left = (size_t)(stop - p);
        if ((left >= 8 && rcr_equals_ignore_case(p, 8, "Lattice=")) ||
            (left >= 11 && rcr_equals_ignore_case(p, 11, "Properties=")))
            return 1;
    }
    return 0;
}

/* data_ at the start of the first line that is neither blank nor a comment; anywhere: of any line. */
static int looks_like_cif(const char *text, const char *end, int anywhere) {
    const char *p = text;
    if (end - p >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) p += 3;
    while (p < end) {
        const char *stop = line_end(p, end);
        while (p < stop && (unsigned char)*p <= ' ') p++;
        if (stop - p >= 5 && rcr_equals_ignore_case(p, 5, "data_")) return 1;
        if (stop - p >= 14 && rcr_equals_ignore_case(p, 14, "_cell_length_a")) return 1;
        if (p < stop && *p != '#' && !anywhere) return 0;
        p = stop < end ? stop + 1 : end;
    }
    return 0;
}

rcr_format rcr_format_detect(const char *name, const char *text, size_t length) {
    const char *end = text + length;
    if (looks_like_cif(text, end, 0)) return RCR_FORMAT_CIF;
    if (looks_like_extxyz(text, end)) return RCR_FORMAT_EXTXYZ;
    if (name != NULL && (rcr_ends_with(name, ".cif") || rcr_ends_with(name, ".mcif"))) return RCR_FORMAT_CIF;
    if (name != NULL && (rcr_ends_with(name, ".extxyz") || rcr_ends_with(name, ".xyz"))) return RCR_FORMAT_EXTXYZ;
    return looks_like_cif(text, end, 1) ? RCR_FORMAT_CIF : RCR_FORMAT_UNKNOWN;
}

/* "dir/mp-149.cif" -> "mp-149". */
static char *id_of(const char *name) {
    const char *base = strrchr(name, '/');
    base = base != NULL ? base + 1 : name;
    const char *dot = strrchr(base, '.');
    return rcr_strndup(base, dot != NULL && dot > base ? (size_t)(dot - base) : strlen(base));
}

rcr_status rcr_structure_parse(rcr_crystal **out, const char *name, const char *text, size_t length, rcr_error *err) {
    if (name == NULL) name = "";
    rcr_error own;
    if (err == NULL) err = &own;
    char *id = id_of(name);
    rcr_status status;
    size_t n_infos, consumed;
    if (id == NULL) return rcr_fail_memory(err, "reading a structure");
    switch (rcr_format_detect(name, text, length)) {
    case RCR_FORMAT_CIF: status = rcr_cif_parse(out, id, text, length, err); break;
    case RCR_FORMAT_EXTXYZ:
        status = rcr_extxyz_parse(out, NULL, 0, &n_infos, &consumed, id, text, length, 1, err);
        break;
    default:
        status = rcr_fail(err, RCR_ERR_UNSUPPORTED, "the format is not known; CIF and extended XYZ are read%s",
                          length == 0 ? " (the file is empty)" : "");
    }
    rcr_free(id);
    if (status != RCR_OK) rcr_error_set_file(err, name);
    return status;
}
