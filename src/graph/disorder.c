/* Crystals with disordered sites: whether they are wanted, and which of their sites are alike. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/status.h"
#include "crystal/crystal.h"
#include "graph/internal.h"

const char *rcr_disorder_name(rcr_disorder disorder) { return disorder == RCR_DISORDER_AVERAGE ? "average" : "refuse"; }

rcr_status rcr_graph_check_crystal(const rcr_crystal *crystal, const rcr_graph_options *options, rcr_error *err) {
    rcr_status status = rcr_crystal_check(crystal, err);
    if (status != RCR_OK || options->disorder == RCR_DISORDER_AVERAGE) return status;
    int32_t site = rcr_crystal_first_disordered(crystal);
    if (site < 0) return RCR_OK;
    char text[120];
    return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                    "site %ld is disordered (%s); such crystals are left out unless disorder is set to average "
                    "(--disorder average; in Python set_disorder or disorder=)",
                    (long)site + 1, rcr_crystal_describe_site(text, sizeof text, crystal, site));
}

/* A site's species, to be compared. */
typedef struct species_list {
    const uint8_t *number;
    const double *occupancy;
    int32_t n, site;
    uint8_t atomic_number;
} species_list;

static int compare_species(const species_list *a, const species_list *b) {
    if (a->atomic_number != b->atomic_number) return a->atomic_number < b->atomic_number ? -1 : 1;
    if (a->n != b->n) return a->n < b->n ? -1 : 1;
    for (int32_t k = 0; k < a->n; k++) {
        if (a->number[k] != b->number[k]) return a->number[k] < b->number[k] ? -1 : 1;
        if (a->occupancy[k] != b->occupancy[k]) return a->occupancy[k] > b->occupancy[k] ? -1 : 1;
    }
    return 0;
}

static int by_species(const void *pa, const void *pb) {
    const species_list *a = pa, *b = pb;
    int order = compare_species(a, b);
    return order != 0 ? order : (a->site > b->site) - (a->site < b->site);
}

rcr_status rcr_graph_kinds(int64_t *kind, int32_t *n_kinds, const rcr_crystal *crystal, rcr_error *err) {
    size_t n = (size_t)crystal->n_sites;
    species_list *list = rcr_malloc(n, sizeof *list);
    if (list == NULL) return rcr_fail_memory(err, "ordering neighbors");
    for (size_t i = 0; i < n; i++) {
        int32_t first = crystal->species_offset[i];
        list[i] = (species_list){crystal->species_number + first, crystal->species_occupancy + first,
                                 crystal->species_offset[i + 1] - first, (int32_t)i, crystal->atomic_number[i]};
    }
    qsort(list, n, sizeof *list, by_species);
    int32_t class = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && compare_species(&list[i - 1], &list[i]) != 0) class ++;
        kind[list[i].site] = class;
    }
    *n_kinds = class + 1;
    rcr_free(list);
    return RCR_OK;
}
