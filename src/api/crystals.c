/* Crystals from arrays, and to files. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "base/floating.h"
#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "crystal/crystal.h"
#include "crystal/element.h"
#include "data/name_index.h"
#include "io/write.h"

/* ---- from arrays */

static rcr_status set_species(rcr_crystal *crystal, size_t n, const int32_t *site, const uint8_t *number,
                              const double *occupancy, rcr_error *err) {
    rcr_species_list list = {0};
    rcr_status status = RCR_OK;
    for (size_t k = 0; k < n && status == RCR_OK; k++)
        status = rcr_species_add(&list, site[k], number[k], occupancy[k], err);
    if (status == RCR_OK) status = rcr_crystal_set_species(crystal, &list, err);
    rcr_species_list_free(&list);
    return status;
}

/* Of a list, or of a crystal's sites once its species are set. */
static rcr_status check_numbers(const uint8_t *number, size_t n, rcr_error *err) {
    for (size_t i = 0; i < n; i++)
        if (number[i] < 1 || number[i] > RCR_MAX_ATOMIC_NUMBER)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "there is no element %d; atomic numbers run from 1 to %d",
                            (int)number[i], RCR_MAX_ATOMIC_NUMBER);
    return RCR_OK;
}

static rcr_status set_positions(rcr_crystal *crystal, const double *positions, int cartesian, rcr_error *err) {
    double inverse[3][3];
    const double(*r)[3] = (const double(*)[3])positions;
    if (!cartesian) {
        memcpy(crystal->frac, positions, (size_t)crystal->n_sites * sizeof *crystal->frac);
        return RCR_OK;
    }
    for (int i = 0; i < 9; i++)
        if (!isfinite(crystal->lattice[i / 3][i % 3]))
            return rcr_fail(err, RCR_ERR_DATA, "the lattice is not made of finite numbers");
    if (!rcr_lattice_invert(inverse, (const double(*)[3])crystal->lattice))
        return rcr_fail(err, RCR_ERR_DATA, "the cell has no volume");
    for (int32_t i = 0; i < crystal->n_sites; i++)
        for (int k = 0; k < 3; k++)
            crystal->frac[i][k] = r[i][0] * inverse[0][k] + r[i][1] * inverse[1][k] + r[i][2] * inverse[2][k];
    return RCR_OK;
}

rcr_status rcr_crystal_make(rcr_crystal **out, const char *id, const double *lattice, int32_t n_sites,
                            const double *positions, int cartesian, const uint8_t *atomic_number, size_t n_species,
                            const int32_t *species_site, const uint8_t *species_number, const double *species_occupancy,
                            rcr_error *err) {
    RCR_OWN_FLOATING;
    if (n_sites < 1) return rcr_fail(err, RCR_ERR_ARGUMENT, "a crystal has at least one site");
    if (lattice == NULL || positions == NULL || atomic_number == NULL ||
        (n_species > 0 && (species_site == NULL || species_number == NULL || species_occupancy == NULL)))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "an array is missing");
    rcr_crystal *crystal;
    rcr_status status = rcr_crystal_create(&crystal, id, n_sites, err);
    if (status != RCR_OK) return status;
    memcpy(crystal->lattice, lattice, sizeof crystal->lattice);
    memcpy(crystal->atomic_number, atomic_number, (size_t)n_sites);
    status = set_positions(crystal, positions, cartesian, err);
    if (status == RCR_OK && n_species > 0) status = check_numbers(species_number, n_species, err);
    if (status == RCR_OK && n_species > 0)
        status = set_species(crystal, n_species, species_site, species_number, species_occupancy, err);
    if (status == RCR_OK) status = check_numbers(crystal->atomic_number, (size_t)n_sites, err);
    if (status == RCR_OK) status = rcr_crystal_check(crystal, err);
    if (status != RCR_OK) {
        rcr_crystal_free(crystal);
        return status;
    }
    *out = crystal;
    return RCR_OK;
}

/* ---- to a file */

typedef struct target {
    const char *name, *ending;
    rcr_write_format format;
    int lines; /* any number of structures follow each other */
} target;

static const target targets[] = {{"cif", ".cif", RCR_WRITE_CIF, 1},          {"poscar", ".vasp", RCR_WRITE_POSCAR, 0},
                                 {"extxyz", ".extxyz", RCR_WRITE_EXTXYZ, 1}, {"extxyz", ".xyz", RCR_WRITE_EXTXYZ, 1},
                                 {"json", ".json", RCR_WRITE_JSON, 0},       {"jsonl", ".jsonl", RCR_WRITE_JSON, 1}};

static rcr_status find_target(const target **out, const char *format, const char *path, rcr_error *err) {
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        const target *t = &targets[i];
        if (format != NULL ? strcmp(t->name, format) != 0 : !rcr_ends_with(path, t->ending)) continue;
        *out = t;
        return RCR_OK;
    }
    if (format != NULL)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "no such format '%s'; there are cif, poscar, extxyz, json and jsonl",
                        format);
    return rcr_fail_at(err, RCR_ERR_ARGUMENT, path, 0,
                       "the name does not end in .cif, .vasp, .extxyz, .xyz, .json or .jsonl: say which format");
}

/* Append crystal i with those of its numbers that are finite; property and number [n]: room. */
static rcr_status append(rcr_text *out, const target *t, const rcr_crystal *crystal, const char *id,
                         rcr_property *property, char (*number)[32], const char *const *name, const double *value,
                         size_t n, rcr_error *err) {
    size_t n_given = 0;
    for (size_t k = 0; k < n; k++) {
        if (!isfinite(value[k])) continue;
        memcpy(&property[n_given].key, &name[k], sizeof name[k]);
        property[n_given].value = rcr_format_double(number[n_given], value[k]);
        n_given++;
    }
    rcr_crystal named = *crystal;
    if (id != NULL) memcpy(&named.id, &id, sizeof id);
    rcr_status status = rcr_crystal_check(crystal, err);
    return status == RCR_OK ? rcr_crystal_write(out, t->format, &named, property, n_given, err) : status;
}

/* Names of a file's data blocks, in lower case: CIF holds A and a to be one name, of which programs keep one block. */
typedef struct block_names {
    rcr_name_index index;
    char **name;  /* [n] */
    size_t *next; /* [n] the number to try where name[k] is asked for again */
    size_t n;
} block_names;

enum { BLOCK_MARK = 5, MAX_BLOCK_NAME = 70 }; /* "data_", and what the writer makes of an id (io/cif_write.c) */

static void release_names(block_names *names) {
    for (size_t k = 0; k < names->n; k++) rcr_free(names->name[k]);
    rcr_free(names->name);
    rcr_free(names->next);
    rcr_name_index_free(&names->index);
}

static size_t find_name(const block_names *names, const char *name, char lower[MAX_BLOCK_NAME + 1]) {
    size_t n = 0;
    for (; name[n] != '\0' && n < MAX_BLOCK_NAME; n++) lower[n] = (char)rcr_ascii_lower((unsigned char)name[n]);
    lower[n] = '\0';
    return rcr_name_index_find(&names->index, names->name, lower, n);
}

/* Give a block, "data_NAME\n...", a name that no block before it has: NAME-2, NAME-3, ... where NAME is taken. */
static void name_block(rcr_text *block, block_names *names) {
    char base[MAX_BLOCK_NAME + 1], name[MAX_BLOCK_NAME + 1], lower[MAX_BLOCK_NAME + 1];
    size_t length = strcspn(block->data, "\n"), n = length - BLOCK_MARK;
    if (n > MAX_BLOCK_NAME) n = MAX_BLOCK_NAME;
    memcpy(base, block->data + BLOCK_MARK, n);
    base[n] = '\0';
    size_t first = find_name(names, base, lower);
    for (size_t k = first; k != SIZE_MAX; k = find_name(names, name, lower)) {
        char number[24];
        rcr_fit(number, sizeof number, "-%zu", names->next[first]++);
        size_t room = MAX_BLOCK_NAME - strlen(number), kept = n < room ? n : room;
        rcr_fit(name, sizeof name, "%.*s%s", (int)kept, base, number);
    }
    names->name[names->n] = rcr_strdup(lower);
    names->next[names->n] = 2;
    if (names->name[names->n] == NULL || !rcr_name_index_add(&names->index, names->name, names->n)) block->failed = 1;
    names->n += names->name[names->n] != NULL;
    if (first == SIZE_MAX) return;
    rcr_text renamed = {0};
    rcr_text_printf(&renamed, "data_%s", name);
    rcr_text_append(&renamed, block->data + length, block->length - length);
    renamed.failed |= block->failed;
    rcr_text_free(block);
    *block = renamed;
}

rcr_status rcr_crystals_write(const char *path, const char *format, const rcr_crystal *const *crystals,
                              const char *const *ids, size_t n, const char *const *name, const double *value,
                              size_t n_properties, rcr_error *err) {
    RCR_OWN_FLOATING;
    const target *t = NULL;
    rcr_status status = find_target(&t, format, path, err);
    if (status != RCR_OK) return status;
    if (t->format == RCR_WRITE_POSCAR && n != 1)
        return rcr_fail_at(err, RCR_ERR_ARGUMENT, path, 0, "a POSCAR holds one structure, not %zu", n);
    int list = t->format == RCR_WRITE_JSON && !t->lines && n != 1;
    rcr_text out = {0};
    rcr_property *property = rcr_calloc(n_properties, sizeof *property);
    char(*number)[32] = rcr_calloc(n_properties, sizeof *number);
    block_names names = {0};
    int blocks = t->format == RCR_WRITE_CIF && n > 1;
    if (blocks) {
        names.name = rcr_calloc(n, sizeof *names.name);
        names.next = rcr_calloc(n, sizeof *names.next);
    }
    if (property == NULL || number == NULL || (blocks && (names.name == NULL || names.next == NULL)))
        status = rcr_fail_memory(err, "writing structures");
    rcr_writer *writer = NULL;
    if (status == RCR_OK) status = rcr_writer_open(&writer, path, err);
    if (status == RCR_OK && list) rcr_writer_write(writer, "[\n", 2);
    for (size_t i = 0; i < n && status == RCR_OK; i++) {
        out.length = 0;
        if (crystals[i] == NULL)
            status = rcr_fail(err, RCR_ERR_ARGUMENT, "there is no crystal %zu", i);
        else
            status = append(&out, t, crystals[i], ids != NULL ? ids[i] : NULL, property, number, name,
                            value + i * n_properties, n_properties, err);
        if (status == RCR_OK && blocks) name_block(&out, &names);
        if (status == RCR_OK && out.failed) status = rcr_fail_memory(err, "writing structures");
        if (status != RCR_OK) break;
        /* The object ends its line; in a list a comma comes before that. */
        if (list) out.length--;
        rcr_writer_write(writer, out.data, out.length);
        if (list) rcr_writer_write(writer, i + 1 < n ? ",\n" : "\n", i + 1 < n ? 2 : 1);
    }
    if (status == RCR_OK && list) rcr_writer_write(writer, "]\n", 2);
    if (status == RCR_OK)
        status = rcr_writer_commit(writer, err);
    else if (writer != NULL)
        rcr_writer_abort(writer);
    rcr_text_free(&out);
    release_names(&names);
    rcr_free(property);
    rcr_free(number);
    return status;
}
