/* Disordered sites: which species share a site of a crystal, and in what shares. */
#ifndef RCR_CRYSTAL_SPECIES_H
#define RCR_CRYSTAL_SPECIES_H

#include "recryst.h"

/* A site whose occupancies sum to at least 1 - RCR_OCCUPANCY_TOLERANCE and at most 1 + RCR_OCCUPANCY_EXCESS counts as
 * full, and they are divided by the sum: files round to three decimals (0.333 + 0.333 + 0.333), and occupancies that
 * were refined each for itself reach sums of 1.03.  A larger sum is an error; a smaller one leaves a vacancy. */
#define RCR_OCCUPANCY_TOLERANCE 1e-3
#define RCR_OCCUPANCY_EXCESS 5e-2

/* One species on one site. */
typedef struct rcr_species {
    int32_t site; /* 0-based */
    uint8_t atomic_number;
    double occupancy;
} rcr_species;

/* A growing array of them.  Zero-initialise; release with rcr_species_list_free. */
typedef struct rcr_species_list {
    rcr_species *at;
    size_t n, capacity;
} rcr_species_list;

/* Errors: RCR_ERR_MEMORY; the list stays as it was. */
rcr_status rcr_species_add(rcr_species_list *list, int32_t site, uint8_t atomic_number, double occupancy,
                           rcr_error *err);
void rcr_species_list_free(rcr_species_list *list);

/* Give a crystal's sites their species.  list: in any order, and ordered anew here; several entries of one element on
 * one site are added up, entries of occupancy 0 say nothing.  Sites that it does not name keep the element in
 * atomic_number, whole; readers need to add the disordered sites only.  The result does not depend on the order of the
 * list.  Where every site turns out to be full and of one element, the crystal is an ordered one, its three pointers
 * NULL.  What the crystal had of species before is replaced; atomic_number is set at the sites that the list names.
 * Errors: RCR_ERR_DATA (an occupancy that is negative or no number, a sum above 1 + RCR_OCCUPANCY_EXCESS, only zeros
 * for a site; the message counts sites from 1), RCR_ERR_ARGUMENT (no such site or element), RCR_ERR_MEMORY; the crystal
 * is then as it was. */
rcr_status rcr_crystal_set_species(rcr_crystal *crystal, rcr_species_list *list, rcr_error *err);

/* The first site, 0-based, that is not filled by one element alone; -1 for an ordered crystal (also one whose species
 * arrays are there but say so). */
int32_t rcr_crystal_first_disordered(const rcr_crystal *crystal);

/* 1 when some site is shared or partly vacant. */
int rcr_crystal_is_disordered(const rcr_crystal *crystal);

/* Write what stands on a site into text, such as "Fe 0.5, Co 0.25, vacant 0.25" (by falling occupancy, vacancies last)
 * or "Fe"; cut where it does not fit.  Returns text. */
char *rcr_crystal_describe_site(char *text, size_t size, const rcr_crystal *crystal, int32_t site);

/* rcr_crystal_check's part for the species arrays.  Errors: RCR_ERR_DATA. */
rcr_status rcr_crystal_check_species(const rcr_crystal *crystal, rcr_error *err);

#endif
