/* OPTIMADE structures: https://www.optimade.org, specification 1.2, section "Structures Entries". */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "crystal/crystal.h"
#include "crystal/element.h"
#include "crystal/species.h"
#include "crystal/transform.h"
#include "io/reader_parts.h"

/* A species may name every element, its isotopes D and T, and the vacancy. */
enum { MAX_SYMBOLS = RCR_MAX_ATOMIC_NUMBER + 3 };

static int read_vector(double out[3], const json_t *value) {
    if (json_array_size(value) != 3) return 0;
    for (size_t k = 0; k < 3; k++) {
        const json_t *number = json_array_get(value, k);
        if (!json_is_number(number) || !isfinite(json_number_value(number))) return 0;
        out[k] = json_number_value(number);
    }
    return 1;
}

/* What keeps a structure from being a crystal of atoms whose places are all known. */
static rcr_status check_kind(const json_t *attributes, rcr_error *err) {
    static const char *const features[][2] = {
        {"assemblies", "its atoms occur together or not at all (assemblies)"},
        {"implicit_atoms", "it holds atoms without positions (implicit_atoms)"},
        {"site_attachments", "atoms are attached to its sites without positions (site_attachments)"},
        {"unknown_positions", "some positions are not known"},
    };
    const json_t *types = json_object_get(attributes, "dimension_types");
    const json_t *periodic = json_object_get(attributes, "nperiodic_dimensions");
    for (size_t k = 0; k < json_array_size(types); k++)
        if (json_integer_value(json_array_get(types, k)) != 1)
            return rcr_fail(err, RCR_ERR_DATA, "dimension_types says that it is not periodic in all three directions");
    if (json_is_integer(periodic) && json_integer_value(periodic) != 3)
        return rcr_fail(err, RCR_ERR_DATA, "nperiodic_dimensions says that it is not periodic in all three directions");
    const json_t *list = json_object_get(attributes, "structure_features");
    for (size_t k = 0; k < json_array_size(list); k++) {
        const char *name = json_string_value(json_array_get(list, k));
        for (size_t f = 0; name != NULL && f < sizeof features / sizeof *features; f++)
            if (strcmp(name, features[f][0]) == 0)
                return rcr_fail(err, RCR_ERR_UNSUPPORTED, "the structure can't be used: %s", features[f][1]);
    }
    return RCR_OK;
}

/* What stands on the sites that name this species. */
static rcr_status add_species(rcr_crystal *crystal, size_t site, const json_t *species, rcr_species_list *list,
                              rcr_error *err) {
    const json_t *symbols = json_object_get(species, "chemical_symbols");
    const json_t *shares = json_object_get(species, "concentration");
    size_t n = json_array_size(symbols);
    int n_elements = 0;
    if (json_array_size(json_object_get(species, "attached")) > 0)
        return rcr_fail(err, RCR_ERR_UNSUPPORTED, "site %zu: atoms are attached to it without positions", site + 1);
    if (n == 0 || (shares != NULL && !json_is_null(shares) && json_array_size(shares) != n))
        return rcr_fail(err, RCR_ERR_PARSE,
                        "site %zu: its species needs chemical_symbols, and a concentration for each", site + 1);
    if (n > MAX_SYMBOLS) /* as each site that names the species gets them all */
        return rcr_fail(err, RCR_ERR_PARSE, "site %zu: its species has %zu chemical symbols; there are not so many",
                        site + 1, n);
    for (size_t k = 0; k < n; k++) {
        const json_t *symbol = json_array_get(symbols, k), *share = json_array_get(shares, k);
        const char *text = json_string_value(symbol);
        if (text == NULL || (share != NULL && !json_is_number(share)))
            return rcr_fail(err, RCR_ERR_PARSE, "site %zu: a symbol or a concentration is missing", site + 1);
        if (strcmp(text, "vacancy") == 0) continue;
        int z = strcmp(text, "D") == 0 || strcmp(text, "T") == 0 ? 1 : rcr_element_from_symbol(text, strlen(text));
        if (z == 0)
            return rcr_fail(err, RCR_ERR_UNSUPPORTED, "site %zu: this is no chemical element: '%.40s'%s", site + 1,
                            text, strcmp(text, "X") == 0 ? " (OPTIMADE's sign for what is none)" : "");
        n_elements++;
        crystal->atomic_number[site] = (uint8_t)z;
        if (n == 1 && (share == NULL || json_number_value(share) == 1)) return RCR_OK;
        rcr_status status =
            rcr_species_add(list, (int32_t)site, (uint8_t)z, share != NULL ? json_number_value(share) : 1, err);
        if (status != RCR_OK) return status;
    }
    return n_elements > 0 ? RCR_OK : rcr_fail(err, RCR_ERR_DATA, "site %zu is vacant", site + 1);
}

/* Species by name, borrowed from nobody: NULL when out of memory. */
static json_t *name_species(const json_t *species) {
    json_t *map = json_object();
    for (size_t k = 0; k < json_array_size(species) && map != NULL; k++) {
        json_t *one = json_array_get(species, k);
        const char *name = json_string_value(json_object_get(one, "name"));
        if (name == NULL || json_object_get(map, name) != NULL || json_object_set(map, name, one) == 0) continue;
        json_decref(map);
        map = NULL;
    }
    return map;
}

static rcr_status read_sites(rcr_crystal *crystal, const json_t *attributes, const double inverse[3][3],
                             rcr_error *err) {
    const json_t *positions = json_object_get(attributes, "cartesian_site_positions");
    const json_t *kinds = json_object_get(attributes, "species_at_sites");
    json_t *species = name_species(json_object_get(attributes, "species"));
    rcr_species_list list = {0};
    rcr_status status = species != NULL ? RCR_OK : rcr_fail_memory(err, "reading a structure");
    for (size_t i = 0; i < (size_t)crystal->n_sites && status == RCR_OK; i++) {
        double r[3];
        const char *name = json_string_value(json_array_get(kinds, i));
        if (!read_vector(r, json_array_get(positions, i))) {
            status = rcr_fail(err, RCR_ERR_PARSE, "position %zu is not three numbers", i + 1);
            break;
        }
        for (int j = 0; j < 3; j++)
            crystal->frac[i][j] = r[0] * inverse[0][j] + r[1] * inverse[1][j] + r[2] * inverse[2][j];
        const json_t *kind = name != NULL ? json_object_get(species, name) : NULL;
        status = kind == NULL ? rcr_fail(err, RCR_ERR_PARSE, "site %zu names no species of the list", i + 1)
                              : add_species(crystal, i, kind, &list, err);
    }
    if (status == RCR_OK && list.n > 0) status = rcr_crystal_set_species(crystal, &list, err);
    rcr_species_list_free(&list);
    json_decref(species);
    return status;
}

rcr_status rcr_optimade_structure(rcr_crystal **out, const json_t *attributes, rcr_error *err) {
    const json_t *positions = json_object_get(attributes, "cartesian_site_positions");
    const json_t *vectors = json_object_get(attributes, "lattice_vectors");
    double l[3][3], inverse[3][3];
    rcr_status status = check_kind(attributes, err);
    if (status != RCR_OK) return status;
    int good = json_array_size(vectors) == 3;
    for (size_t k = 0; k < 3 && good; k++) good = read_vector(l[k], json_array_get(vectors, k));
    if (!good) return rcr_fail(err, RCR_ERR_PARSE, "\"lattice_vectors\" is not three rows of three numbers");
    if (!rcr_lattice_invert(inverse, (const double(*)[3])l))
        return rcr_fail(err, RCR_ERR_DATA, "the lattice has no volume");
    size_t n = json_array_size(positions);
    if (n == 0 || n > INT32_MAX || json_array_size(json_object_get(attributes, "species_at_sites")) != n)
        return rcr_fail(err, RCR_ERR_PARSE,
                        "\"cartesian_site_positions\" and \"species_at_sites\" must have an entry for each site");
    rcr_crystal *crystal;
    status = rcr_crystal_create(&crystal, "", (int32_t)n, err);
    if (status != RCR_OK) return status;
    memcpy(crystal->lattice, l, sizeof l);
    status = read_sites(crystal, attributes, (const double(*)[3])inverse, err);
    if (status == RCR_OK) status = rcr_crystal_check(crystal, err);
    if (status == RCR_OK)
        *out = crystal;
    else
        rcr_crystal_free(crystal);
    return status;
}
