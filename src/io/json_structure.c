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
#include "crystal/transform.h"
#include "io/reader_parts.h"

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
    if (!rcr_lattice_invert(inverse, (const double(*)[3])lattice))
        return rcr_fail(err, RCR_ERR_DATA, "the lattice has no volume");
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

/* The species of a site of pymatgen's; the list is for those that are not one element alone. */
static rcr_status read_species(rcr_crystal *crystal, size_t i, const json_t *species, rcr_species_list *list,
                               rcr_error *err) {
    size_t n = json_array_size(species);
    for (size_t k = 0; k < n; k++) {
        const json_t *one = json_array_get(species, k), *occupancy = json_object_get(one, "occu");
        uint8_t z;
        if (occupancy != NULL && !json_is_number(occupancy))
            return rcr_fail(err, RCR_ERR_PARSE, "site %zu has an \"occu\" that is not a number", i + 1);
        double share = occupancy != NULL ? json_number_value(occupancy) : 1;
        rcr_status status = read_element(&z, json_object_get(one, "element"), i, err);
        if (status != RCR_OK) return status;
        crystal->atomic_number[i] = z;
        if (n == 1 && share == 1) return RCR_OK;
        status = rcr_species_add(list, (int32_t)i, z, share, err);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

/* A site of pymatgen's. */
static rcr_status read_site(rcr_crystal *crystal, size_t i, const json_t *site, const double inverse[3][3],
                            rcr_species_list *list, rcr_error *err) {
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
    return read_species(crystal, i, species, list, err);
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

/* Where the sites of an object lie: pymatgen's list, or two lists side by side. */
typedef struct site_lists {
    const json_t *sites, *species, *position, *lattice;
    int cartesian;
    size_t n;
} site_lists;

static rcr_status find_sites(site_lists *out, const json_t *object, rcr_error *err) {
    *out = (site_lists){.sites = json_object_get(object, "sites"), .lattice = json_object_get(object, "lattice")};
    if (json_object_get(object, "lattice_mat") != NULL) { /* JARVIS */
        out->lattice = json_object_get(object, "lattice_mat");
        out->species = json_object_get(object, "elements");
        out->position = json_object_get(object, "coords");
        out->cartesian = json_is_true(json_object_get(object, "cartesian"));
        out->sites = NULL;
    } else if (out->sites == NULL) {
        out->species = json_object_get(object, "species");
        out->position = json_object_get(object, "frac");
        out->cartesian = out->position == NULL;
        if (out->cartesian) out->position = json_object_get(object, "cart");
    }
    const json_t *counted = out->sites != NULL ? out->sites : out->species;
    if (!json_is_array(counted) || out->lattice == NULL)
        return rcr_fail(err, RCR_ERR_PARSE,
                        "the object has no \"lattice\" with \"sites\" (pymatgen) or with \"species\" and \"frac\" or "
                        "\"cart\"");
    out->n = json_array_size(counted);
    if (out->sites == NULL && (!json_is_array(out->position) || json_array_size(out->position) != out->n))
        return rcr_fail(err, RCR_ERR_PARSE, "the list of positions must have as many entries as that of species, %zu",
                        out->n);
    if (out->n > INT32_MAX) return rcr_fail(err, RCR_ERR_LIMIT, "more than 2^31 - 1 sites");
    return RCR_OK;
}

static rcr_status read_sites(rcr_crystal *crystal, const site_lists *in, const double inverse[3][3], rcr_error *err) {
    rcr_species_list list = {0};
    rcr_status status = RCR_OK;
    for (size_t i = 0; i < in->n && status == RCR_OK; i++)
        status = in->sites != NULL ? read_site(crystal, i, json_array_get(in->sites, i), inverse, &list, err)
                                   : read_plain(crystal, i, in->species, in->position, in->cartesian, inverse, err);
    if (status == RCR_OK && list.n > 0) status = rcr_crystal_set_species(crystal, &list, err);
    rcr_species_list_free(&list);
    return status;
}

rcr_status rcr_json_structure(rcr_crystal **out, const json_t *object, rcr_error *err) {
    double lattice[3][3], inverse[3][3];
    site_lists in;
    if (json_object_get(object, "lattice_vectors") != NULL) return rcr_optimade_structure(out, object, err);
    rcr_status status = find_sites(&in, object, err);
    if (status == RCR_OK) status = read_lattice(lattice, inverse, in.lattice, err);
    rcr_crystal *crystal;
    if (status == RCR_OK) status = rcr_crystal_create(&crystal, "", (int32_t)in.n, err);
    if (status != RCR_OK) return status;
    memcpy(crystal->lattice, lattice, sizeof lattice);
    status = read_sites(crystal, &in, (const double(*)[3])inverse, err);
    if (status == RCR_OK) status = rcr_crystal_check(crystal, err);
    if (status == RCR_OK)
        *out = crystal;
    else
        rcr_crystal_free(crystal);
    return status;
}

rcr_status rcr_json_structure_parse(rcr_crystal **out, const char *text, size_t length, long line, rcr_error *err) {
    rcr_error own;
    if (err == NULL) err = &own;
    rcr_record record = {.line = line};
    json_t *root;
    if (rcr_json_load(&root, text, length, line, err) != RCR_OK) {
        err->line = line;
        return err->status;
    }
    *err = (rcr_error){.status = RCR_OK};
    rcr_status status = rcr_json_record(&record, root, err);
    json_decref(root);
    if (status == RCR_OK && record.id != NULL) {
        rcr_free(record.crystal->id);
        record.crystal->id = record.id;
        record.id = NULL;
    }
    if (status == RCR_OK) {
        *out = record.crystal;
        record.crystal = NULL;
    } else {
        err->line = line;
    }
    rcr_record_release(&record);
    return status;
}
