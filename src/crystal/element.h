/* The elements: symbols, properties, and the vectors that describe them to a network. */
#ifndef RCR_CRYSTAL_ELEMENT_H
#define RCR_CRYSTAL_ELEMENT_H

#include "recryst.h"

#define RCR_MAX_ATOMIC_NUMBER 118

/* "Fe" for 26; NULL outside 1..118. */
const char *rcr_element_symbol(int atomic_number);
/* 26 for exactly "Fe" (text[0 .. length)); 0 when it is no element.  Case matters. */
int rcr_element_from_symbol(const char *text, size_t length);

/* One vector for each element that a model knows: the input of the embedding. */
typedef struct rcr_element_table {
    int32_t n_features;                       /* 92 for CGCNN's */
    uint8_t known[RCR_MAX_ATOMIC_NUMBER + 1]; /* 1 where row z holds a vector */
    double *row;                              /* [RCR_MAX_ATOMIC_NUMBER + 1, n_features]; row z for element z */
    char name[64];                            /* "cgcnn", "atom_init.json", ... */
} rcr_element_table;

/* CGCNN's 92 features (group 19, period 7, electronegativity 10, covalent radius 10, valence electrons 12, ionisation
 * energy 10, electron affinity 10, block 4, atomic volume 10; one-hot), elements 1..100, computed from our own table of
 * properties.  Xie and Grossman 2018, supplementary table S2, with the groups and periods of the published vectors. */
rcr_status rcr_element_table_cgcnn(rcr_element_table **out, rcr_error *err);
/* An empty table: no element known, all rows zero. */
rcr_status rcr_element_table_create(rcr_element_table **out, int32_t n_features, const char *name, rcr_error *err);
/* Parse a dataset's atom_init.json: {"1": [..], "2": [..], ...}, every vector of one length. */
rcr_status rcr_element_table_parse(rcr_element_table **out, const char *json, size_t length, rcr_error *err);
rcr_status rcr_element_table_copy(rcr_element_table **out, const rcr_element_table *table, rcr_error *err);
void rcr_element_table_free(rcr_element_table *table);

#endif
