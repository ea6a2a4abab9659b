#include "io/json_structure.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "crystal/crystal.h"
#include "crystal/element.h"
#include "crystal/species.h"

static int read_vector(double out[3], const json_t *value) {
    if (!json_is_array(value) || json_array_size(value) != 3) return 0;
    for (size_t k = 0; k < 3; k++) {
        const json_t *number = json_array_get(value, k);
        if (!json_is_number(number) || !isfinite(json_number_value(number))) return 0;
        out[k] = json_number_value(number);
    }
    return 1;
}

static rcr_status read_lattice(double lattice[3][3], double inverse[3][3], const json_t *value, rcr_error *err) {
    if (json_is_object(value)) {
        const json_t *pbc = json_object_get(value, "pbc");
        for (size_t k = 0; k < json_array_size(pbc); k++)
            if (json_is_false(json_array_get(pbc, k)))
                return rcr_fail(err, RCR_ERR_DATA, "pbc says that it is not periodic in all three directions");
        value = json_object_get(value, "matrix");
    }
    int good = json_is_array(value) && json_array_size(value) == 3;
    for (size_t k = 0; k < 3 && good; k++) good = read_vector(lattice[k], json_array_get(value, k));
    if (!good) return rcr_fail(err, RCR_ERR_PARSE, "\"lattice\" is not three rows of three numbers");
    double volume = rcr_lattice_volume((const double(*)[3])lattice);
    if (!(fabs(volume) > 0) || !isfinite(volume)) return rcr_fail(err, RCR_ERR_DATA, "the lattice has no volume");
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
            inverse[i][j] = (lattice[a][c] * lattice[b][d] - lattice[a][d] * lattice[b][c]) / volume;
        }
    return RCR_OK;
}

/* A symbol or an atomic number. */
static rcr_status read_element(uint8_t *out, const json_t *value, size_t site, rcr_error *err) {
    json_int_t z = 0;
    if (json_is_integer(value)) {
        z = json_integer_value(value);
    } else if (json_is_string(value)) {
        const char *symbol = json_string_value(value);
        size_t length = json_string_length(value);
        z = length == 1 && (*symbol == 'D' || *symbol == 'T') ? 1 : rcr_element_from_symbol(symbol, length);
    }
    if (z >= 1 && z <= RCR_MAX_ATOMIC_NUMBER) {
        *out = (uint8_t)z;
        return RCR_OK;
    }
    if (json_is_string(value))
        return rcr_fail(err, RCR_ERR_UNSUPPORTED, "site %zu: this is no chemical element: '%.40s'", site + 1,
                        json_string_value(value));
    return rcr_fail(err, RCR_ERR_UNSUPPORTED, "site %zu: no chemical element is given", site + 1);
}

static void to_fractional(double out[3], const double r[3], const double inverse[3][3]) {
    for (int j = 0; j < 3; j++) out[j] = r[0] * inverse[0][j] + r[1] * inverse[1][j] + r[2] * inverse[2][j];
}

/* The species of site i of pymatgen's, added to the list. */
static rcr_status read_species(rcr_species_list *list, size_t i, const json_t *species, rcr_error *err) {
    for (size_t k = 0; k < json_array_size(species); k++) {
        const json_t *one = json_array_get(species, k), *occupancy = json_object_get(one, "occu");
        if (occupancy != NULL && !json_is_number(occupancy))
            return rcr_fail(err, RCR_ERR_PARSE, "site %zu has an \"occu\" that is not a number", i + 1);
        uint8_t z = 0;
        rcr_status status = read_element(&z, json_object_get(one, "element"), i, err);
        if (status == RCR_OK)
            status = rcr_species_add(list, (int32_t)i, z, occupancy != NULL ? json_number_value(occupancy) : 1, err);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

/* A site of pymatgen's. */
static rcr_status read_site(rcr_crystal *crystal, rcr_species_list *list, size_t i, const json_t *site,
                            const double inverse[3][3], rcr_error *err) {
    const json_t *species = json_object_get(site, "species");
    if (!json_is_array(species) || !json_is_object(json_array_get(species, 0)))
        return rcr_fail(err, RCR_ERR_PARSE, "site %zu has no \"species\": [{\"element\": .., \"occu\": ..}]", i + 1);
    double r[3];
    if (read_vector(r, json_object_get(site, "abc")))
        memcpy(crystal->frac[i], r, sizeof r);
    else if (json_object_get(site, "abc") == NULL && read_vector(r, json_object_get(site, "xyz")))
        to_fractional(crystal->frac[i], r, inverse);
    else
        return rcr_fail(err, RCR_ERR_PARSE, "site %zu has no position of three numbers, \"abc\" or \"xyz\"", i + 1);
    const json_t *first = json_array_get(species, 0), *occupancy = json_object_get(first, "occu");
    if (json_array_size(species) == 1 && (occupancy == NULL || json_number_value(occupancy) == 1))
        return read_element(&crystal->atomic_number[i], json_object_get(first, "element"), i, err);
    return read_species(list, i, species, err);
}

/* Site i of a plain object. */
static rcr_status read_plain(rcr_crystal *crystal, size_t i, const json_t *species, const json_t *position,
                             int cartesian, const double inverse[3][3], rcr_error *err) {
    double r[3];
    if (!read_vector(r, json_array_get(position, i)))
        return rcr_fail(err, RCR_ERR_PARSE, "position %zu is not three numbers", i + 1);
    if (cartesian)
        to_fractional(crystal->frac[i], r, inverse);
    else
        memcpy(crystal->frac[i], r, sizeof r);
    return read_element(&crystal->atomic_number[i], json_array_get(species, i), i, err);
}

static rcr_status read_structure(rcr_crystal **out, const json_t *object, const char *id, rcr_error *err) {
    double lattice[3][3], inverse[3][3];
    const json_t *sites = json_object_get(object, "sites"), *species = json_object_get(object, "species");
    const json_t *position = json_object_get(object, "frac");
    int cartesian = position == NULL;
    if (cartesian) position = json_object_get(object, "cart");
    const json_t *counted = sites != NULL ? sites : species;
    if (!json_is_array(counted) || json_object_get(object, "lattice") == NULL)
        return rcr_fail(err, RCR_ERR_PARSE,
                        "the object has no \"lattice\" with \"sites\" (pymatgen) or with \"species\" and \"frac\" or "
                        "\"cart\"");
    size_t n = json_array_size(counted);
    if (sites == NULL && (!json_is_array(position) || json_array_size(position) != n))
        return rcr_fail(err, RCR_ERR_PARSE, "\"frac\" or \"cart\" must have as many entries as \"species\", %zu", n);
    if (n > INT32_MAX) return rcr_fail(err, RCR_ERR_LIMIT, "more than 2^31 - 1 sites");
    rcr_status status = read_lattice(lattice, inverse, json_object_get(object, "lattice"), err);
    rcr_crystal *crystal;
    if (status == RCR_OK) status = rcr_crystal_create(&crystal, id, (int32_t)n, err);
    if (status != RCR_OK) return status;
    memcpy(crystal->lattice, lattice, sizeof lattice);
    rcr_species_list list = {0};
    for (size_t i = 0; i < n && status == RCR_OK; i++)
        status = sites != NULL
                     ? read_site(crystal, &list, i, json_array_get(sites, i), (const double(*)[3])inverse, err)
                     : read_plain(crystal, i, species, position, cartesian, (const double(*)[3])inverse, err);
    if (status == RCR_OK && sites != NULL) status = rcr_crystal_set_species(crystal, &list, err);
    rcr_species_list_free(&list);
    if (status == RCR_OK) status = rcr_crystal_check(crystal, err);
    if (status == RCR_OK)
        *out = crystal;
    else
        rcr_crystal_free(crystal);
    return status;
}

static void find_id(char *id, size_t size, const json_t *root) {
    static const char *const keys[] = {"id", "material_id", "name"};
    id[0] = '\0';
    for (size_t k = 0; k < sizeof keys / sizeof *keys && id[0] == '\0'; k++) {
        const json_t *value = json_object_get(root, keys[k]);
        if (json_is_string(value)) snprintf(id, size, "%s", json_string_value(value));
        if (json_is_integer(value)) snprintf(id, size, "%lld", (long long)json_integer_value(value));
    }
}

rcr_status rcr_json_structure_parse(rcr_crystal **out, const char *text, size_t length, long line, rcr_error *err) {
    rcr_error own;
    if (err == NULL) err = &own;
    json_error_t json_err;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &json_err);
    if (root == NULL)
        return rcr_fail_at(err, RCR_ERR_PARSE, "", line, "not a JSON object: %s (column %d)", json_err.text,
                           json_err.column);
    char id[512];
    find_id(id, sizeof id, root);
    const json_t *inner = json_object_get(root, "structure");
    rcr_status status = read_structure(out, json_is_object(inner) ? inner : root, id, err);
    json_decref(root);
    if (status != RCR_OK) err->line = line;
    return status;
}
