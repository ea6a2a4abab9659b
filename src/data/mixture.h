/* Filling in the disordered atoms of a batch (rcr_mixtures, data/batch.h). */
#ifndef RCR_DATA_MIXTURE_H
#define RCR_DATA_MIXTURE_H

#include "data/batch.h"

/* Empty it, with room for graphs of n_species species entries in all.  1, or 0 without memory (it is then empty). */
int rcr_mixtures_reserve(rcr_mixtures *mixtures, int64_t n_species);
/* Add the disordered atoms of a graph whose atoms begin at first_atom of the batch; their site_row becomes 0.
 * atom_class [n_atoms], or NULL: the rows are those of classes of atoms (rcr_fold), each with the species of its first.
 */
void rcr_mixtures_append(rcr_mixtures *mixtures, int32_t *site_row, int32_t first_atom, const rcr_graph_view *graph,
                         const int32_t *atom_class);
void rcr_mixtures_release(rcr_mixtures *mixtures);

#endif
