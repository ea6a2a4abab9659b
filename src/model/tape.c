/* The activations of a batch: one block of device memory, carved up for the largest batch so far. */
#include "base/mem.h"
#include "base/status.h"
#include "model/net_private.h"

rcr_status rcr_tape_create(rcr_tape **out, const rcr_net *net, int mode, rcr_error *err) {
    const rcr_kernels *k = net->kernels;
    rcr_tape *tape = rcr_calloc(1, sizeof *tape);
    if (tape == NULL) return rcr_fail_memory(err, "making a tape");
    tape->kernels = k;
    tape->mode = mode;
    tape->depth = net->options.depth;
    tape->hidden_layers = net->options.hidden_layers;
    tape->step = rcr_calloc((size_t)tape->depth, sizeof *tape->step);
    tape->layer = rcr_calloc((size_t)tape->hidden_layers, sizeof *tape->layer);
    int failed = tape->step == NULL || tape->layer == NULL;
    if (mode == RCR_TAPE_TRAINING && !failed) {
        tape->gradient = k->mem_alloc(net->n_parameters);
        tape->d_table = k->mem_alloc((size_t)RCR_TABLE_ROWS * (size_t)net->options.atom_features);
        failed = tape->gradient == NULL || tape->d_table == NULL;
    }
    if (failed) {
        rcr_tape_free(tape);
        return rcr_fail_memory(err, "making a tape");
    }
    *out = tape;
    return RCR_OK;
}

void rcr_tape_free(rcr_tape *tape) {
    if (tape == NULL) return;
    const rcr_kernels *k = tape->kernels;
    if (tape->arena != NULL) k->mem_free(tape->arena);
    if (tape->gradient != NULL) k->mem_free(tape->gradient);
    if (tape->d_table != NULL) k->mem_free(tape->d_table);
    rcr_free(tape->step);
    rcr_free(tape->layer);
    rcr_free(tape);
}

/* Hands out pieces of the arena; with base NULL it only counts. */
typedef struct carver {
    rcr_real *base;
    size_t used;
} carver;

/* rows * columns reals, beginning on a cache line.  Capacities are 32-bit and widths bounded by the model's options, so
 * that 64 bits do not overflow. */
static rcr_real *take(carver *c, size_t rows, size_t columns) {
    size_t at = c->used;
    c->used += (rows * columns + 15) / 16 * 16;
    return c->base != NULL ? c->base + at : NULL;
}

/* Steps share a buffer where nothing later needs its contents: all but the two newest atom vectors in evaluation. */
static void carve_steps(rcr_tape *tape, carver *c, const rcr_net *net, size_t N, size_t cache_size) {
    const rcr_model_options *o = &net->options;
    size_t F = (size_t)o->atom_features;
    int training = tape->mode == RCR_TAPE_TRAINING;
    for (int32_t t = 0; t < tape->depth; t++) {
        rcr_tape_step *step = &tape->step[t];
        int fresh = training || t == 0; /* evaluation uses step 0's work space again and again */
        const rcr_tape_step *first = &tape->step[0];
        step->pq = fresh ? take(c, N, 4 * F) : first->pq;
        step->s = fresh ? take(c, N, F) : first->s;
        if (training) {
            step->mean1 = take(c, 1, 2 * F);
            step->var1 = take(c, 1, 2 * F);
            step->mean2 = take(c, 1, F);
            step->var2 = take(c, 1, F);
        }
        int own_cache = t == 0 || (training && net->n_convs > 1 && !net->kernels->edge_cache_is_graph);
        step->cache = own_cache ? take(c, 1, cache_size) : first->cache;
        int own_out = tape->mode != RCR_TAPE_EVALUATION || t == 0;
        if (own_out)
            step->out = take(c, N, F);
        else /* embedded and step 0's vectors take turns */
            step->out = t % 2 == 1 ? tape->embedded : first->out;
        step->gated = step->out;
        if (o->layer_norm) step->gated = fresh ? take(c, N, F) : first->gated;
        step->updated = step->gated;
        if (o->gate) step->updated = fresh ? take(c, N, F) : first->updated;
    }
}

static size_t carve(rcr_tape *tape, rcr_real *base, const rcr_net *net) {
    const rcr_kernels *k = net->kernels;
    const rcr_model_options *o = &net->options;
    carver c = {.base = base};
    int32_t atoms = tape->capacity_atoms, edges = tape->capacity_edges;
    size_t N = (size_t)atoms, C = (size_t)tape->capacity_crystals;
    size_t F = (size_t)o->atom_features, H = (size_t)o->hidden, n_out = (size_t)net->n_outputs;
    tape->embedded = take(&c, N, F);
    carve_steps(tape, &c, net, N,
                k->edge_cache_size(atoms, edges, o->atom_features, net->basis.n, tape->mode == RCR_TAPE_TRAINING));
    tape->pooled = take(&c, C, F);
    tape->pooled_active = take(&c, C, F);
    for (int32_t i = 0; i < tape->hidden_layers; i++) {
        tape->layer[i].linear = take(&c, C, H);
        tape->layer[i].active = take(&c, C, H);
    }
    tape->out = take(&c, C, n_out);
    tape->log_probability = take(&c, C, n_out);
    if (tape->mode == RCR_TAPE_TRAINING) {
        tape->dropped = take(&c, C, H);
        for (int i = 0; i < 3; i++) tape->d_atoms[i] = take(&c, N, F);
        tape->d_s = take(&c, N, F);
        if (net->deep) tape->d_readout = take(&c, N, F);
        for (int i = 0; i < 2; i++) tape->d_head[i] = take(&c, C, F > H ? F : H);
    }
    return c.used;
}

/* An eighth more than asked for, so that slowly growing batches do not allocate each time. */
static int32_t grown(int32_t capacity, int32_t needed) {
    if (needed <= capacity) return capacity;
    return needed <= INT32_MAX - needed / 8 ? needed + needed / 8 : INT32_MAX;
}

rcr_status rcr_tape_reserve(rcr_tape *tape, rcr_exec *exec, const rcr_net *net, const rcr_batch *batch,
                            rcr_error *err) {
    const rcr_kernels *k = net->kernels;
    rcr_status status =
        rcr_exec_reserve(exec,
                         k->scratch_size(batch->n_atoms, batch->n_edges, batch->n_crystals, RCR_TABLE_ROWS,
                                         net->options.atom_features, net->basis.n, rcr_net_width(net),
                                         tape->mode == RCR_TAPE_TRAINING ? rcr_net_largest_layer(net) : 0),
                         err);
    if (status != RCR_OK) return status;
    if (tape->arena != NULL && batch->n_atoms <= tape->capacity_atoms && batch->n_edges <= tape->capacity_edges &&
        batch->n_crystals <= tape->capacity_crystals)
        return RCR_OK;
    tape->capacity_atoms = grown(tape->capacity_atoms, batch->n_atoms);
    tape->capacity_edges = grown(tape->capacity_edges, batch->n_edges);
    tape->capacity_crystals = grown(tape->capacity_crystals, batch->n_crystals);
    if (tape->arena != NULL) k->mem_free(tape->arena);
    tape->arena = k->mem_alloc(carve(tape, NULL, net));
    if (tape->arena == NULL) {
        tape->capacity_atoms = tape->capacity_edges = tape->capacity_crystals = 0;
        return rcr_fail_memory(err, "making room for a batch; use a smaller batch size");
    }
    carve(tape, tape->arena, net);
    return RCR_OK;
}

rcr_real *rcr_tape_output(rcr_tape *tape) { return tape->out; }

rcr_real *rcr_tape_gradient(rcr_tape *tape) { return tape->gradient; }

const rcr_real *rcr_tape_atoms(const rcr_tape *tape, int32_t t) {
    return tape->mode == RCR_TAPE_EVALUATION || t < 0 || t >= tape->depth ? NULL : tape->step[t].out;
}
