/* Graphs in the form in which they are kept: packed records, and views through which records and rcr_graphs are read
 * alike.
 *
 * A record, version 1, is one block of bytes without alignment, numbers little-endian:
 *
 *     0  u32  checksum: the low half of rcr_checksum over all bytes that follow
 *     4  u8   version, 1, or 2 (below)
 *     5  u8   bytes of a count: 0 (every atom has n_edges / n_atoms edges, there are no counts), 1 or 4
 *     6  u8   bytes of a neighbor: 1, 2 or 4
 *     7  u8   bytes of a distance: 4 or 8
 *     8  u32  n_atoms, 1 to 2^31 - 2
 *    12  u32  n_edges, 0 to 2^31 - 2
 *    16       atomic numbers u8 [n_atoms]; counts [n_atoms]; neighbors [n_edges]; distances f32 or f64 [n_edges]
 *
 * With twelve neighbors, float distances and at most 256 atoms, that is 61 bytes an atom and 16 a crystal.
 *
 * Graphs of disordered crystals have version 2, which goes on where version 1 ends:
 *
 *           u32  n_species, 1 to 2^31 - 2
 *                species of each site u8 [n_atoms], 0 where it is filled by the atom's element alone; they add up to
 *                n_species.  Their atomic numbers u8 [n_species], ascending within a site; their occupancies f64
 *                [n_species], above 0 and at most 1, also summed over a site.  The atom's own atomic number is that of
 *                the largest occupancy, the lowest among equals. */
#ifndef RCR_GRAPH_PACKED_H
#define RCR_GRAPH_PACKED_H

#include "base/real.h"
#include "recryst.h"

/* A graph to be read.  The arrays belong to whatever is viewed; those of a record may be unaligned, so they are void
 * pointers to be read with memcpy. */
typedef struct rcr_graph_view {
    int32_t n_atoms, n_edges;
    const uint8_t *atomic_number; /* [n_atoms] 1..118 */
    const int32_t *offset;        /* [n_atoms + 1] as in rcr_graph; NULL: use count */
    const void *count;            /* [n_atoms] edges of each atom, count_bytes wide; all n_edges / n_atoms when 0 */
    const void *neighbor;         /* [n_edges] unsigned, neighbor_bytes wide */
    const void *distance;         /* [n_edges] angstrom, float or double */
    uint8_t count_bytes, neighbor_bytes, distance_bytes;
    /* The species on disordered sites, atom by atom.  n_species 0: there are none, and the pointers are NULL. */
    int32_t n_species;
    const int32_t *species_offset; /* [n_atoms + 1] as in rcr_graph; NULL: use species_count */
    const uint8_t *species_count;  /* [n_atoms] 0: the site is filled by the atom's element, and has no entry below */
    const uint8_t *species_number; /* [n_species] 1..118 */
    const void *species_occupancy; /* [n_species] double */
} rcr_graph_view;

/* View a graph. */
rcr_graph_view rcr_graph_view_of(const rcr_graph *graph);

/* Number of species entries of atom i.  0 and one entry of occupancy 1 both say that it is a whole atom. */
static inline int32_t rcr_graph_view_n_species(const rcr_graph_view *view, int32_t i) {
    if (view->n_species == 0) return 0;
    return view->species_offset != NULL ? view->species_offset[i + 1] - view->species_offset[i]
                                        : view->species_count[i];
}

/* Number of edges of atom i. */
int32_t rcr_graph_view_n_edges(const rcr_graph_view *view, int32_t i);

/* neighbor [n_edges] overwritten: first_atom more than the graph's own. */
void rcr_graph_view_neighbors(int32_t *neighbor, const rcr_graph_view *view, int32_t first_atom);

/* distance [n_edges] overwritten. */
void rcr_graph_view_distances(rcr_real *distance, const rcr_graph_view *view);

/* Occupancy of entry k. */
double rcr_graph_view_occupancy(const rcr_graph_view *view, int32_t k);

/* View a record of exactly `size` bytes, which must outlive the view, after checking all of it: whatever the bytes, a
 * view that this gives can be read without further checks (counts add up to n_edges, neighbors are below n_atoms,
 * atomic numbers are 1..118, distances at least 0 and below 2^20, species as written above). Errors: RCR_ERR_PARSE,
 * saying what is wrong; RCR_ERR_UNSUPPORTED (a later version). */
rcr_status rcr_graph_view_packed(rcr_graph_view *out, const void *record, size_t size, rcr_error *err);

/* Make the record of a graph with distances of 4 or 8 bytes; float distances are the doubles, rounded.  (*out)[0 ..
 * *size) is freed with rcr_free.
 * Errors: RCR_ERR_ARGUMENT (not a graph that a record can hold), RCR_ERR_LIMIT (above 4 GiB), RCR_ERR_MEMORY. */
rcr_status rcr_graph_pack(uint8_t **out, size_t *size, const rcr_graph *graph, int distance_bytes, rcr_error *err);

/* Copy a view into a graph of its own, freed with rcr_graph_free.  Errors: RCR_ERR_MEMORY, RCR_ERR_LIMIT. */
rcr_status rcr_graph_from_view(rcr_graph **out, const rcr_graph_view *view, rcr_error *err);

/* Graphs by number, wherever they are kept. */
typedef struct rcr_graph_source {
    const void *context;
    /* View graph i; the view holds as long as the context does.  Called from several threads at once.
     * Errors: those of rcr_graph_view_packed, with the crystal's id. */
    rcr_status (*view)(rcr_graph_view *out, const void *context, size_t i, rcr_error *err);
    /* The number of its atoms, known without touching the graph. */
    int32_t (*n_atoms)(const void *context, size_t i);
    /* Graphs first .. first + n - 1 will be viewed next; NULL where that needs no preparation. */
    void (*announce)(const void *context, size_t first, size_t n);
} rcr_graph_source;

/* The source of an array of graphs. */
rcr_graph_source rcr_graph_source_of(const rcr_graph *const *graphs);

#endif
