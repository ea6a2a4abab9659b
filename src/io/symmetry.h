/* Symmetry operations: from text such as "-y, x-y, z+1/3", from Hall symbols, and from the names of space groups. */
#ifndef RCR_IO_SYMMETRY_H
#define RCR_IO_SYMMETRY_H

#include <stddef.h>

/* x' = r x + t in fractional coordinates. */
typedef struct rcr_symop {
    double r[3][3];
    double t[3];
} rcr_symop;

/* The most operations that a conventional cell of a space group has. */
#define RCR_MAX_GROUP_ORDER 192
/* Room for all settings of one space-group type. */
#define RCR_MAX_SETTINGS 32

/* Parse "x, y+1/2, -z" in any of the usual spellings (1/2+x, .5+x, X, -x+y, x/2, 2*x), letter case and blanks ignored;
 * translations within 5e-4 of a multiple of 1/24 become that multiple.  1 on success, 0 when text is none. */
int rcr_symop_parse(rcr_symop *out, const char *text, size_t length);

int rcr_symop_is_identity(const rcr_symop *op);

/* How badly the operations fit a cell: the largest change of an element of the metric tensor G[i][j] = a_i . a_j under
 * any of them, relative to |a_i| |a_j|.  0 when they are symmetries of the lattice. */
double rcr_symops_misfit(const rcr_symop *ops, size_t n, const double lattice[3][3]);

/* The operations of a Hall symbol (Hall 1981; International Tables B, 1.4), such as "-P 2ybc" or "F 4d 2 3 -1d", with
 * or without an origin shift "(0 0 1)" in twelfths.  Returns their number; 0 when the text is no Hall symbol. */
int rcr_symmetry_from_hall(rcr_symop ops[RCR_MAX_GROUP_ORDER], const char *text, size_t length);

/* The settings (numbers 1 .. 530 of Hall symbols in spglib's order) that a Hermann-Mauguin symbol may mean: short or
 * full, with or without blanks, underscores and parentheses, a choice after a colon (:1, :2, :H, :R, :b1) or ICSD's
 * letters (Z, S, H, R), old names (F d 3 m, C m c a), a remark in parentheses behind a blank.  The usual setting comes
 * first.  Returns their number, 0 when the symbol is unknown. */
int rcr_symmetry_settings(int setting[RCR_MAX_SETTINGS], const char *text, size_t length);

/* The operations of Hermann-Mauguin symbols outside the 530 settings that are in use all the same: C -1, I -1, F 4/m m
 * m, B 1 21 1 and the like, and CCP4's of a moved origin (C 2 2 2a).  Returns their number; 0 when the symbol is none
 * of these. */
int rcr_symmetry_from_unusual_name(rcr_symop ops[RCR_MAX_GROUP_ORDER], const char *text, size_t length);

/* The space-group type of one of CCP4's symbols of a moved origin; 0 for any other symbol. */
int rcr_symmetry_moved_number(const char *text, size_t length);

/* All settings of a space-group type, 1 .. 230. */
int rcr_symmetry_settings_of_number(int setting[RCR_MAX_SETTINGS], int number);

/* Those settings of a type that a symbol which is none of theirs has the lattice letter of (H is R), and the unique
 * axis where it names one.  Returns their number. */
int rcr_symmetry_settings_like(int setting[RCR_MAX_SETTINGS], int number, const char *text, size_t length);

/* The settings of a type that a coordinate system code of the International Tables means (_space_group_IT_coordinate_
 * system_code of a CIF): "b1", "-c2", "cab", "1", "2ba-c", "h".  Returns their number, more than 1 where the code
 * leaves the origin open; 0 when the type has no such setting. */
int rcr_symmetry_settings_of_code(int setting[RCR_MAX_SETTINGS], int number, const char *code, size_t length);

/* The type's number, 1 .. 230, of a setting; its origin choice, '1' or '2', or 0 where there is none to choose. */
int rcr_symmetry_number(int setting);
char rcr_symmetry_origin_choice(int setting);

/* The operations of a setting; returns their number. */
int rcr_symmetry_operations(rcr_symop ops[RCR_MAX_GROUP_ORDER], int setting);

#endif
