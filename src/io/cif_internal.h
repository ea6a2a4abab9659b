/* What the parts of the CIF reader share. */
#ifndef RCR_IO_CIF_INTERNAL_H
#define RCR_IO_CIF_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "io/cif_lexer.h"
#include "io/symmetry.h"
#include "recryst.h"

/* Limits, stated in the errors that they cause. */
#define RCR_CIF_MAX_SITES 10000000
#define RCR_CIF_MAX_OPERATIONS 2048
#define RCR_CIF_MAX_CENTRINGS 64
/* Positions closer than this (angstrom) are one place: symmetry images of one site on a special position, whose
 * coordinates files round to three or four decimals, or two sites that share it.  No two atoms are so close. */
#define RCR_CIF_PLACE_TOLERANCE 0.1

typedef struct rcr_cif_view {
    const char *text; /* NULL: absent */
    size_t length;
} rcr_cif_view;

/* A row of the _atom_site loop. */
typedef struct rcr_cif_site {
    double frac[3];
    double occupancy;
    rcr_cif_view label, type;
    int32_t multiplicity;  /* of the special position as the file gives it; 0: unknown */
    uint8_t atomic_number; /* 0: not yet resolved */
    uint8_t decimals[3];   /* of the fractional coordinates as the file gives them; 0: an exact one */
} rcr_cif_site;

/* What one data block says of a structure. */
typedef struct rcr_cif_block {
    rcr_cif_lexer *lexer;        /* for line numbers */
    const char *start;           /* of the block */
    double cell[6];              /* a, b, c, alpha, beta, gamma; NaN: absent */
    const char *unknown_cell[6]; /* where it says '?' instead */
    int bad_cell;                /* a parameter is no number */
    int cartesian;               /* the sites hold Cartesian coordinates, angstrom */
    double transform[2][12];     /* to fractional, to Cartesian: a matrix by rows, a vector that is added */
    uint32_t transform_given;    /* bit 12 i + j: transform[i][j] is there */
    rcr_cif_view transform_at;   /* a value of theirs */
    rcr_cif_view hall, hm, number, formula, formula_units;
    rcr_cif_view hm_reference;   /* the symbol of the type's reference setting; counts where hm is absent */
    rcr_cif_view setting_code;   /* "b1", "cab", "2": which setting of the number the file is in */
    rcr_cif_view magnetic_group; /* its name or number, or a translation of it */
    size_t n_sites, capacity_sites;
    rcr_cif_site *site;
    size_t n_ops, capacity_ops; /* the identity included when the file lists it */
    rcr_symop *op;
    int ops_done;           /* a loop of operations was read; later ones repeat it under another tag */
    const char *operations; /* where they begin */
    int magnetic;           /* they are those of a magnetic space group, without their time reversals */
    size_t n_centrings;
    rcr_cif_view superspace;     /* an operation in superspace */
    rcr_cif_view first_unplaced; /* label of a site without coordinates */
    int has_site_loop;           /* a loop of atom sites was seen, with or without coordinates */
    int32_t formula_known;       /* formula parsed: -1 no, 1 yes, 0 not tried */
    double formula_count[119];   /* atoms of each element in the formula */
    /* [n_centrings] further translations of a magnetic space group; large, so it comes last and is not cleared. */
    rcr_symop centring[RCR_CIF_MAX_CENTRINGS];
} rcr_cif_block;

/* Copy a view into a message: at most 39 characters, those that are not printable ASCII as '?'. */
const char *rcr_cif_show(char buffer[40], const char *text, size_t length);

/* 1 for an absent view and for the bare values '.' and '?' (a view of length 1). */
int rcr_cif_unknown(const rcr_cif_view *view);

/* The element of a type symbol such as Fe, O2-, Fe3+, D, Siva; 0 when it is none. */
uint8_t rcr_cif_element_of_type(const char *text, size_t length);

/* Give every site that has no element yet one, from its type symbol, else its label.
 * Errors: RCR_ERR_UNSUPPORTED (no element, or a label that may mean two). */
rcr_status rcr_cif_resolve_elements(rcr_cif_block *block, rcr_error *err);

/* The operations that apply: those of the file, else those of its Hall symbol, Hermann-Mauguin symbol or number.
 * *ops is either block->op or a new array, then also given in *owned (free with rcr_free).  *n_ops = 0: identity alone.
 * Errors: RCR_ERR_UNSUPPORTED (symbol unknown or ambiguous), RCR_ERR_DATA (they do not fit the cell). */
rcr_status rcr_cif_find_operations(const rcr_symop **ops, size_t *n_ops, rcr_symop **owned, rcr_cif_block *block,
                                   const double lattice[3][3], rcr_error *err);

/* Take in one value of a list of operations, or of the translations of a magnetic space group.  Errors: RCR_ERR_PARSE,
 * RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
rcr_status rcr_cif_add_operation(rcr_cif_block *block, const rcr_cif_token *value, int magnetic, rcr_error *err);
rcr_status rcr_cif_add_centring(rcr_cif_block *block, const rcr_cif_token *value, rcr_error *err);

/* Make the sites' Cartesian coordinates fractional: by the file's own matrix, else as a along x and b in the xy plane.
 * Errors: RCR_ERR_DATA (the matrix does not fit the cell). */
rcr_status rcr_cif_to_fractional(rcr_cif_block *block, const double lattice[3][3], rcr_error *err);

/* '.' and '?' without quotes. */
static inline int rcr_cif_token_unknown(const rcr_cif_token *token) {
    return token->kind == RCR_CIF_BARE && token->length == 1 && (*token->text == '.' || *token->text == '?');
}
/* Room for one more element of an array; NULL when out of memory. */
void *rcr_cif_grow(void *array, size_t n, size_t *capacity, size_t size);

/* Number of places that a site has under the operations, at most RCR_MAX_GROUP_ORDER of them counted. */
int rcr_cif_multiplicity(const double frac[3], const rcr_symop *ops, size_t n_ops, const double lattice[3][3]);

/* Number of atoms at each of the n places of a site, for an occupancy of 1; mostly 1.  More: the file says that the
 * atom is split over positions around each place, which merge into it. */
double rcr_cif_share(const rcr_cif_site *site, size_t n, const rcr_symop *ops, size_t n_ops,
                     const double lattice[3][3]);

/* The crystal: every site's images, special positions merged.  Sites within RCR_CIF_PLACE_TOLERANCE of each other are
 * one place: those of one element add up (a full one that is there twice counts once), those of several elements share
 * it, and what a place lacks of 1 is vacant (crystal/species.h, with its tolerance). Errors: RCR_ERR_DATA (the
 * occupancies of a place sum to more than 1, naming the sites), RCR_ERR_LIMIT. */
rcr_status rcr_cif_expand(rcr_crystal **out, const char *id, const rcr_cif_block *block, const double lattice[3][3],
                          const rcr_symop *ops, size_t n_ops, rcr_error *err);

#endif
