#include "io/structure.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/aims.h"
#include "io/archive.h"
#include "io/cif.h"
#include "io/extxyz.h"
#include "io/json_structure.h"
#include "io/lines.h"
#include "io/poscar.h"
#include "io/unpack.h"

/* The most that one packed structure may unpack to. */
#define MAX_UNPACKED_BYTES ((size_t)1 << 28)

static const char *line_end(const char *p, const char *end) {
    while (p < end && *p != '\n' && *p != '\r') p++;
    return p;
}

/* A count alone on its line, then a line with Lattice= or Properties=, or (plain XYZ) any line and an atom. */
static int looks_like_extxyz(const char *text, const char *end) {
    rcr_lines in = rcr_lines_start(text, (size_t)(end - text));
    rcr_word line, word;
    int64_t count;
    do {
        if (!rcr_next_line(&line, &in)) return 0;
        word = rcr_next_word(&line);
    } while (word.length == 0);
    if (!rcr_parse_int64(&count, word.text, word.length) || rcr_next_word(&line).length > 0) return 0;
    if (!rcr_next_line(&line, &in)) return 0;
    for (size_t i = 0; i + 8 <= line.length; i++)
        if (rcr_equals_ignore_case(line.text + i, 8, "Lattice=") ||
            (i + 11 <= line.length && rcr_equals_ignore_case(line.text + i, 11, "Properties=")))
            return 1;
    double r[3];
    size_t used;
    if (!rcr_next_line(&line, &in)) return 0;
    word = rcr_next_word(&line);
    return word.length > 0 && rcr_element_of_word(&used, word) != 0 && rcr_next_numbers(r, 3, &line) == 3;
}

/* '{' or '[' before anything else. */
static int looks_like_json(const char *text, const char *end) {
    if (end - text >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) text += 3;
    while (text < end && rcr_is_space((unsigned char)*text)) text++;
    return text < end && (*text == '{' || *text == '[');
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

/* ---- names */

static const char *base_of(const char *name) {
    const char *slash = strrchr(name, '/');
    return slash != NULL ? slash + 1 : name;
}

/* 1 when name[0 .. length) ends with suffix, which is not all of it, ignoring case. */
static int has_ending(const char *name, size_t length, const char *suffix) {
    size_t m = strlen(suffix);
    return length > m && rcr_equals_ignore_case(name + length - m, m, suffix);
}

/* POSCAR, CONTCAR, and these with more behind a point, a hyphen or an underscore. */
static int is_poscar_name(const char *base, size_t length) {
    size_t n = length >= 6 && memcmp(base, "POSCAR", 6) == 0    ? 6
               : length >= 7 && memcmp(base, "CONTCAR", 7) == 0 ? 7
                                                                : 0;
    return n > 0 && (length == n || strchr("._-", base[n]) != NULL);
}

static const struct {
    const char *ending;
    rcr_format format;
} endings[] = {{".cif", RCR_FORMAT_CIF},        {".mcif", RCR_FORMAT_CIF},    {".extxyz", RCR_FORMAT_EXTXYZ},
               {".xyz", RCR_FORMAT_EXTXYZ},     {".exyz", RCR_FORMAT_EXTXYZ}, {".poscar", RCR_FORMAT_POSCAR},
               {".contcar", RCR_FORMAT_POSCAR}, {".vasp", RCR_FORMAT_POSCAR}, {".json", RCR_FORMAT_JSON}};

static rcr_format format_of_name(const char *name) {
    const char *base = base_of(name);
    size_t length = rcr_unpacked_name_length(base);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (!has_ending(base, length, endings[i].ending)) continue;
        /* A dataset's element vectors lie among its structures. */
        return rcr_equals_ignore_case(base, length, "atom_init.json") ? RCR_FORMAT_UNKNOWN : endings[i].format;
    }
    if (is_poscar_name(base, length)) return RCR_FORMAT_POSCAR;
    static const char aims[] = "geometry.in";
    for (size_t i = 0; i + sizeof aims - 1 <= length; i++) /* x.geometry.in, geometry.in.next_step */
        if (memcmp(base + i, aims, sizeof aims - 1) == 0) return RCR_FORMAT_AIMS;
    return RCR_FORMAT_UNKNOWN;
}

char *rcr_structure_id(const char *name) {
    const char *base = base_of(name);
    size_t length = rcr_unpacked_name_length(base), n = length;
    if (is_poscar_name(base, length)) return rcr_strndup(base, length);
    while (n > 1 && base[n - 1] != '.') n--;
    return rcr_strndup(base, n > 1 ? n - 1 : length);
}

/* ---- any format */

rcr_format rcr_format_detect(const char *name, const char *text, size_t length) {
    const char *end = text + length;
    if (looks_like_extxyz(text, end)) return RCR_FORMAT_EXTXYZ;
    /* Before those that one line tells: the first line of a POSCAR may be anything, "data_x" and "[1]" included. */
    if (rcr_poscar_looks_like(text, length)) return RCR_FORMAT_POSCAR;
    if (looks_like_cif(text, end, 0)) return RCR_FORMAT_CIF;
    if (looks_like_json(text, end)) return RCR_FORMAT_JSON;
    if (rcr_aims_looks_like(text, length)) return RCR_FORMAT_AIMS;
    rcr_format format = name != NULL ? format_of_name(name) : RCR_FORMAT_UNKNOWN;
    if (format != RCR_FORMAT_UNKNOWN) return format;
    return looks_like_cif(text, end, 1) ? RCR_FORMAT_CIF : RCR_FORMAT_UNKNOWN;
}

const char *rcr_format_name(rcr_format format) {
    switch (format) {
    case RCR_FORMAT_CIF: return "CIF";
    case RCR_FORMAT_EXTXYZ: return "extended XYZ";
    case RCR_FORMAT_POSCAR: return "POSCAR";
    case RCR_FORMAT_AIMS: return "FHI-aims geometry.in";
    case RCR_FORMAT_JSON: return "JSON";
    default: return "unknown format";
    }
}

/* A JSON object may have an id of its own, which the name does not replace. */
static rcr_status parse_json(rcr_crystal **out, const char *id, const char *text, size_t length, rcr_error *err) {
    rcr_crystal *crystal;
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        length -= 3;
    }
    rcr_status status = rcr_json_structure_parse(&crystal, text, length, 1, err);
    if (status != RCR_OK) return status;
    if (crystal->id[0] == '\0') {
        char *copy = rcr_strdup(id);
        if (copy == NULL) {
            rcr_crystal_free(crystal);
            return rcr_fail_memory(err, "reading a structure");
        }
        rcr_free(crystal->id);
        crystal->id = copy;
    }
    *out = crystal;
    return RCR_OK;
}

static rcr_status parse_text(rcr_crystal **out, const char *name, const char *id, const char *text, size_t length,
                             rcr_error *err) {
    size_t n_infos, consumed;
    switch (rcr_format_detect(name, text, length)) {
    case RCR_FORMAT_CIF: return rcr_cif_parse(out, id, text, length, err);
    case RCR_FORMAT_EXTXYZ: return rcr_extxyz_parse(out, NULL, 0, &n_infos, &consumed, id, text, length, 1, err);
    case RCR_FORMAT_POSCAR: return rcr_poscar_parse(out, id, text, length, err);
    case RCR_FORMAT_AIMS: return rcr_aims_parse(out, id, text, length, err);
    case RCR_FORMAT_JSON: return parse_json(out, id, text, length, err);
    default:
        if (length == 0) return rcr_fail(err, RCR_ERR_DATA, "the file is empty");
        if (rcr_is_archive_name(name))
            return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                            "the name is that of an archive, the content is not: a download that failed?");
        return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                        "the format is not known; read are CIF, POSCAR, extended XYZ, FHI-aims, JSON, ASE databases "
                        "and CSV with structures in it");
    }
}

rcr_status rcr_structure_from_utf16(char **out, size_t *n, const char *text, size_t length, rcr_error *err) {
    const unsigned char *byte = (const unsigned char *)text;
    *out = NULL;
    if (!rcr_looks_like_utf16(text, length)) return RCR_OK;
    int high = byte[0] == 0xFF; /* where the high byte of a pair is */
    char *made = rcr_malloc(length / 2, 3);
    if (made == NULL) return rcr_fail_memory(err, "reading a structure");
    size_t m = 0;
    for (size_t i = 2; i + 2 <= length; i += 2) {
        unsigned unit = (unsigned)byte[i + (size_t)high] << 8 | byte[i + (size_t)!high];
        if (unit >= 0xD800 && unit < 0xDC00 && i + 4 <= length) { /* the first half of a character, perhaps */
            unsigned next = (unsigned)byte[i + 2 + (size_t)high] << 8 | byte[i + 2 + (size_t)!high];
            if (next >= 0xDC00 && next < 0xE000) {
                unit = 0x10000 + ((unit - 0xD800) << 10) + (next - 0xDC00);
                i += 2;
            }
        }
        if (unit >= 0xD800 && unit < 0xE000) unit = '?';
        if (unit >= 0x10000) {
            made[m++] = (char)(0xF0 | unit >> 18);
            made[m++] = (char)(0x80 | (unit >> 12 & 0x3F));
            made[m++] = (char)(0x80 | (unit >> 6 & 0x3F));
            made[m++] = (char)(0x80 | (unit & 0x3F));
        } else if (unit < 0x80) {
            made[m++] = (char)unit;
        } else if (unit < 0x800) {
            made[m++] = (char)(0xC0 | unit >> 6);
            made[m++] = (char)(0x80 | (unit & 0x3F));
        } else {
            made[m++] = (char)(0xE0 | unit >> 12);
            made[m++] = (char)(0x80 | (unit >> 6 & 0x3F));
            made[m++] = (char)(0x80 | (unit & 0x3F));
        }
    }
    *out = made;
    *n = m;
    return RCR_OK;
}

/* The text of a packed file; *out NULL: it is not packed. */
static rcr_status unpack(char **out, size_t *n, const char *text, size_t length, rcr_error *err) {
    *out = NULL;
    if (!rcr_looks_packed(text, length)) return RCR_OK;
    rcr_unpacker *u;
    rcr_status status = rcr_unpacker_open_memory(&u, text, length, err);
    if (status != RCR_OK) return status;
    if (rcr_unpacker_packing(u) == RCR_PACKING_ARCHIVE)
        status = rcr_fail(err, RCR_ERR_UNSUPPORTED, "this is an archive (tar or zip), not one structure");
    else
        status = rcr_unpacker_rest(out, n, u, MAX_UNPACKED_BYTES, err);
    rcr_unpacker_free(u);
    return status;
}

rcr_status rcr_structure_parse(rcr_crystal **out, const char *name, const char *text, size_t length, rcr_error *err) {
    if (name == NULL) name = "";
    rcr_error own;
    if (err == NULL) err = &own;
    char *id = rcr_structure_id(name), *unpacked = NULL, *converted = NULL;
    if (id == NULL) return rcr_fail_memory(err, "reading a structure");
    rcr_status status = unpack(&unpacked, &length, text, length, err);
    if (unpacked != NULL) text = unpacked;
    if (status == RCR_OK) status = rcr_structure_from_utf16(&converted, &length, text, length, err);
    if (converted != NULL) text = converted;
    if (status == RCR_OK) status = parse_text(out, name, id, text, length, err);
    rcr_free(converted);
    rcr_free(unpacked);
    rcr_free(id);
    if (status != RCR_OK) rcr_error_set_file(err, name);
    return status;
}
