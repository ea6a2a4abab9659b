#include "fetch/mp.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "fetch/url.h"

/* Numbers and booleans of the API's SummaryDoc. */
const rcr_mp_property rcr_mp_properties[] = {
    {"formation_energy_per_atom", "eV/atom", "formation_energy_per_atom", NULL, "formation energy"},
    {"energy_above_hull", "eV/atom", "energy_above_hull", NULL, "energy above the convex hull"},
    {"energy_per_atom", "eV/atom", "energy_per_atom", NULL, "total energy with corrections"},
    {"uncorrected_energy_per_atom", "eV/atom", "uncorrected_energy_per_atom", NULL, "total energy"},
    {"equilibrium_reaction_energy_per_atom", "eV/atom", "equilibrium_reaction_energy_per_atom", NULL,
     "energy of decomposition of a stable material"},
    {"is_stable", "", NULL, NULL, "whether it lies on the convex hull"},
    {"band_gap", "eV", "band_gap", NULL, "band gap"},
    {"cbm", "eV", "cbm", NULL, "conduction band minimum"},
    {"vbm", "eV", "vbm", NULL, "valence band maximum"},
    {"efermi", "eV", "efermi", NULL, "Fermi energy"},
    {"is_gap_direct", "", NULL, NULL, "whether the band gap is direct"},
    {"is_metal", "", NULL, NULL, "whether it is a metal"},
    {"dos_energy_up", "eV", "dos_energy_up", "dos", "band gap of spin up, from the density of states"},
    {"dos_energy_down", "eV", "dos_energy_down", "dos", "band gap of spin down, from the density of states"},
    {"is_magnetic", "", NULL, NULL, "whether it is magnetic"},
    {"total_magnetization", "mu_B", "total_magnetization", NULL, "magnetisation of the cell"},
    {"total_magnetization_normalized_vol", "mu_B/A^3", "total_magnetization_normalized_vol", NULL,
     "magnetisation by volume"},
    {"total_magnetization_normalized_formula_units", "mu_B/f.u.", "total_magnetization_normalized_formula_units", NULL,
     "magnetisation by formula unit"},
    {"num_magnetic_sites", "", "num_magnetic_sites", NULL, "magnetic sites"},
    {"num_unique_magnetic_sites", "", "num_unique_magnetic_sites", NULL, "inequivalent magnetic sites"},
    {"bulk_modulus.vrh", "GPa", "k_vrh", "elasticity", "bulk modulus, Voigt-Reuss-Hill"},
    {"bulk_modulus.voigt", "GPa", "k_voigt", "elasticity", "bulk modulus, Voigt"},
    {"bulk_modulus.reuss", "GPa", "k_reuss", "elasticity", "bulk modulus, Reuss"},
    {"shear_modulus.vrh", "GPa", "g_vrh", "elasticity", "shear modulus, Voigt-Reuss-Hill"},
    {"shear_modulus.voigt", "GPa", "g_voigt", "elasticity", "shear modulus, Voigt"},
    {"shear_modulus.reuss", "GPa", "g_reuss", "elasticity", "shear modulus, Reuss"},
    {"universal_anisotropy", "", "universal_anisotropy", "elasticity", "elastic anisotropy"},
    {"homogeneous_poisson", "", "homogeneous_poisson", "elasticity", "Poisson ratio"},
    {"e_total", "", "e_total", "dielectric", "dielectric constant"},
    {"e_ionic", "", "e_ionic", "dielectric", "dielectric constant, ionic part"},
    {"e_electronic", "", "e_electronic", "dielectric", "dielectric constant, electronic part"},
    {"n", "", "n", "dielectric", "refractive index"},
    {"e_ij_max", "C/m^2", "e_ij_max", "piezoelectric", "piezoelectric modulus"},
    {"weighted_surface_energy", "J/m^2", "weighted_surface_energy", "surface_properties", "surface energy"},
    {"weighted_surface_energy_EV_PER_ANG2", "eV/A^2", "weighted_surface_energy_EV_PER_ANG2", "surface_properties",
     "surface energy"},
    {"weighted_work_function", "eV", "weighted_work_function", "surface_properties", "work function"},
    {"surface_anisotropy", "", "surface_anisotropy", "surface_properties", "anisotropy of the surface energy"},
    {"shape_factor", "", "shape_factor", "surface_properties", "shape factor of the Wulff shape"},
    {"has_reconstructed", "", NULL, "surface_properties", "whether a surface is reconstructed"},
    {"density", "g/cm^3", "density", NULL, "mass density"},
    {"density_atomic", "A^3/atom", "density_atomic", NULL, "volume per atom"},
    {"volume", "A^3", "volume", NULL, "volume of the cell"},
    {"nsites", "", "nsites", NULL, "sites in the cell"},
    {"nelements", "", "nelements", NULL, "elements"},
    {"symmetry.number", "", NULL, NULL, "number of the space group"},
    {"theoretical", "", NULL, NULL, "whether it was never seen in an experiment"},
    {NULL, NULL, NULL, NULL, NULL},
};

const rcr_mp_property *rcr_mp_property_find(const char *name) {
    for (const rcr_mp_property *p = rcr_mp_properties; p->name != NULL; p++)
        if (strcmp(p->name, name) == 0) return p;
    return NULL;
}

/* The document's field that holds a property: what stands before the first point. */
static void add_fields(rcr_text *fields, const char *const *property, size_t n) {
    rcr_text_puts(fields, "material_id,structure");
    for (size_t i = 0; i < n; i++) {
        size_t length = strcspn(property[i], ".");
        int seen = 0;
        for (size_t j = 0; j < i && !seen; j++)
            seen = strcspn(property[j], ".") == length && memcmp(property[j], property[i], length) == 0;
        if (seen) continue;
        rcr_text_puts(fields, ",");
        rcr_text_append(fields, property[i], length);
    }
}

static void add_range(rcr_text *url, const char *range, const char *end, double value) {
    if (isnan(value)) return;
    char number[32];
    rcr_text name = {0};
    rcr_text_printf(&name, "%s_%s", range, end);
    if (name.failed)
        url->failed = 1;
    else
        rcr_url_parameter(url, name.data, rcr_format_double(number, value));
    rcr_text_free(&name);
}

static void add_text(rcr_text *url, const char *name, const char *value) {
    if (value != NULL) rcr_url_parameter(url, name, value);
}

/* has_props=GROUP: rows that can't have a value would be passed over anyway. */
static void add_group(rcr_text *url, const char *const *property, size_t n) {
    /* With several properties a row counts that has any of them. */
    const rcr_mp_property *known = n == 1 ? rcr_mp_property_find(property[0]) : NULL;
    if (known != NULL && known->group != NULL) rcr_url_parameter(url, "has_props", known->group);
}

static void add_spacegroup(rcr_text *url, const char *value) {
    if (value == NULL) return;
    rcr_url_parameter(url, value[strspn(value, "0123456789,")] == '\0' ? "spacegroup_number" : "spacegroup_symbol",
                      value);
}

rcr_status rcr_mp_url(rcr_text *out, const char *endpoint, const rcr_mp_search *search, const char *const *property,
                      size_t n_properties, double min, double max, rcr_error *err) {
    size_t length = strlen(endpoint);
    while (length > 0 && endpoint[length - 1] == '/') length--;
    rcr_text_append(out, endpoint, length);
    rcr_text_puts(out, "/materials/summary/");
    rcr_text fields = {0};
    add_fields(&fields, property, n_properties);
    if (fields.failed)
        out->failed = 1;
    else
        rcr_url_parameter(out, "_fields", fields.data);
    rcr_text_free(&fields);
    const rcr_mp_property *first = n_properties > 0 ? rcr_mp_property_find(property[0]) : NULL;
    if (first != NULL && first->range != NULL) {
        add_range(out, first->range, "min", min);
        add_range(out, first->range, "max", max);
    }
    add_group(out, property, n_properties);
    add_text(out, "elements", search->elements);
    add_text(out, "exclude_elements", search->exclude_elements);
    add_text(out, "chemsys", search->chemsys);
    add_text(out, "formula", search->formula);
    add_text(out, "material_ids", search->material_ids);
    add_text(out, "crystal_system", search->crystal_system);
    add_spacegroup(out, search->spacegroup);
    if (search->stable_only) rcr_url_parameter(out, "is_stable", "true");
    if (!search->include_gnome) rcr_url_parameter(out, "batch_id_not_eq", "gnome_r2scan_statics");
    if (search->where != NULL && rcr_url_parameters(out, search->where, err) != RCR_OK) return RCR_ERR_ARGUMENT;
    if (out->failed) return rcr_fail_memory(err, "making a URL");
    return rcr_url_check(out->data, err);
}
