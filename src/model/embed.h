/* What a network makes of crystals before its last layers: vectors of crystals, atoms, and of every step. */
#ifndef RCR_MODEL_EMBED_H
#define RCR_MODEL_EMBED_H

#include "model/net.h"

/* The sizes of one row of vectors: S (depth for RCR_EMBED_STEPS, else 1) times F. */
size_t rcr_embed_row_size(const rcr_model *model, rcr_embedding_kind kind);
/* The rows of a graph: 1, or one for each atom. */
size_t rcr_embed_rows(const rcr_graph *graph, rcr_embedding_kind kind);

/* values [sum of rcr_embed_rows, rcr_embed_row_size], of n graphs that have passed rcr_model_check_graph, one after the
 * other; in micro-batches spread over the pool (NULL: one thread).  Independent of pool and of grouping, bit for bit.
 * Errors: RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
rcr_status rcr_net_embed(float *values, const rcr_net *net, const rcr_model *model, rcr_embedding_kind kind,
                         const rcr_graph *const *graphs, size_t n, rcr_pool *pool, rcr_error *err);

#endif
