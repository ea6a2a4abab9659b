#include "io/cif_tags.h"

#include <string.h>

/* By length. */
static const struct {
    const char *name;
    size_t length;
    rcr_cif_tag tag;
} tag_names[] = {
#define NAME(text, tag)                                                                                                \
    { text, sizeof text - 1, tag }
    NAME("_cell_length_a", RCR_TAG_CELL),
    NAME("_cell_length_b", RCR_TAG_CELL + 1),
    NAME("_cell_length_c", RCR_TAG_CELL + 2),
    NAME("_atom_site_label", RCR_TAG_LABEL),
    NAME("_cell_angle_beta", RCR_TAG_CELL + 4),
    NAME("_cell_angle_alpha", RCR_TAG_CELL + 3),
    NAME("_cell_angle_gamma", RCR_TAG_CELL + 5),
    NAME("_atom_site_fract_x", RCR_TAG_X),
    NAME("_atom_site_fract_y", RCR_TAG_Y),
    NAME("_atom_site_fract_z", RCR_TAG_Z),
    NAME("_atom_site_cartn_x", RCR_TAG_CART_X),
    NAME("_atom_site_cartn_y", RCR_TAG_CART_Y),
    NAME("_atom_site_cartn_z", RCR_TAG_CART_Z),
    NAME("_atom_site_occupancy", RCR_TAG_OCCUPANCY),
    NAME("_atom_site_calc_flag", RCR_TAG_CALC_FLAG),
    NAME("_cell_formula_units_z", RCR_TAG_FORMULA_UNITS),
    NAME("_chemical_formula_sum", RCR_TAG_FORMULA),
    NAME("_space_group_name_h-m", RCR_TAG_HM),
    NAME("_atom_site_type_symbol", RCR_TAG_TYPE),
    NAME("_space_group_name_hall", RCR_TAG_HALL),
    NAME("_space_group_it_number", RCR_TAG_NUMBER),
    NAME("_space_group_name_h-m_alt", RCR_TAG_HM),
    NAME("_space_group_name_h-m_ref", RCR_TAG_HM_REFERENCE),
    NAME("_space_group_magn_name_og", RCR_TAG_MAGNETIC_GROUP),
    NAME("_symmetry_equiv_pos_as_xyz", RCR_TAG_OPERATION),
    NAME("_space_group_name_h-m_full", RCR_TAG_HM),
    NAME("_space_group_magn_name_bns", RCR_TAG_MAGNETIC_GROUP),
    NAME("_space_group_magn_ssg_name", RCR_TAG_MAGNETIC_GROUP),
    NAME("_symmetry_int_tables_number", RCR_TAG_NUMBER),
    NAME("_space_group_magn_number_og", RCR_TAG_MAGNETIC_GROUP),
    NAME("_space_group_magn_number_bns", RCR_TAG_MAGNETIC_GROUP),
    NAME("_space_group_magn_ssg_number", RCR_TAG_MAGNETIC_GROUP),
    NAME("_symmetry_space_group_name_h-m", RCR_TAG_HM),
    NAME("_symmetry_space_group_name_hall", RCR_TAG_HALL),
    NAME("_atom_site_symmetry_multiplicity", RCR_TAG_MULTIPLICITY),
    NAME("_space_group_symop_operation_xyz", RCR_TAG_OPERATION),
    NAME("_atom_site_site_symmetry_multiplicity", RCR_TAG_MULTIPLICITY),
    NAME("_space_group_symop_magn_operation_xyz", RCR_TAG_MAGNETIC_OPERATION),
    NAME("_space_group_symop_magn_centering_xyz", RCR_TAG_MAGNETIC_CENTRING),
    NAME("_space_group_it_coordinate_system_code", RCR_TAG_SETTING_CODE),
    NAME("_space_group_symop_ssg_operation_algebraic", RCR_TAG_SUPERSPACE),
    NAME("_space_group_symop_magn_ssg_operation_algebraic", RCR_TAG_SUPERSPACE),
#undef NAME
};

/* Every name of a file passes through here, so that it must be inline. */
static inline char fold(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c == '.' ? '_' : c; }

static int eat(const char **p, const char *text) {
    size_t n = strlen(text);
    if (strncmp(*p, text, n) != 0) return 0;
    *p += n;
    return 1;
}

/* "1" .. "3", alone or in brackets; -1: something else. */
static int eat_index(const char **p) {
    int bracket = eat(p, "["), digit = **p >= '1' && **p <= '3' ? **p - '1' : -1;
    if (digit >= 0) (*p)++;
    return bracket && !eat(p, "]") ? -1 : digit;
}

/* _atom_sites_fract_tran_matrix_11, _atom_sites.Cartn_transf_vector[2]: between Cartesian and fractional coordinates.
 */
static rcr_cif_tag find_transform(const char *name) {
    const char *p = name;
    if (!eat(&p, "_atom_sites_")) return RCR_TAG_NONE;
    int first = eat(&p, "fract_") ? RCR_TAG_TO_FRACT : eat(&p, "cartn_") ? RCR_TAG_TO_CART : -1, place = -1;
    if (first < 0 || (!eat(&p, "transf_") && !eat(&p, "tran_"))) return RCR_TAG_NONE;
    if (eat(&p, "matrix")) {
        eat(&p, "_");
        int row = eat_index(&p), column = eat_index(&p);
        if (row >= 0 && column >= 0) place = 3 * row + column;
    } else if (eat(&p, "vector")) {
        eat(&p, "_");
        int row = eat_index(&p);
        if (row >= 0) place = 9 + row;
    }
    return place >= 0 && *p == '\0' ? (rcr_cif_tag)(first + place) : RCR_TAG_NONE;
}

/* Names differ at their ends, so the comparison begins there. */
static inline int is_name(const char *name, const char *text, size_t length) {
    while (length > 0 && name[length - 1] == fold(text[length - 1])) length--;
    return length == 0;
}

rcr_cif_tag rcr_cif_find_tag(const char *text, size_t length) {
    char name[48];
    if (length < 13 || length >= sizeof name) return RCR_TAG_NONE;
    /* All names begin with _atom_, _cell_, _chem, _symm or _space. */
    char first = fold(text[1]);
    if (first != 'a' && first != 'c' && first != 's') return RCR_TAG_NONE;
    for (size_t i = 0; i < sizeof tag_names / sizeof *tag_names && tag_names[i].length <= length; i++)
        if (tag_names[i].length == length && is_name(tag_names[i].name, text, length)) return tag_names[i].tag;
    if (first != 'a' || length < sizeof "_atom_sites_fract_tran_matrix11" - 1) return RCR_TAG_NONE;
    for (size_t i = 0; i < length; i++) name[i] = fold(text[i]);
    name[length] = '\0';
    return find_transform(name);
}
