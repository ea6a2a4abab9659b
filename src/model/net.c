/* The parameters of a network on a device, and a whole pass forward and backward. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "model/net_private.h"

/* ---- exec */

rcr_status rcr_exec_init(rcr_exec *exec, const rcr_kernels *kernels, rcr_pool *pool, rcr_error *err) {
    *exec = (rcr_exec){.kernels = kernels, .pool = pool};
    return rcr_exec_reserve(exec, 64, err);
}

rcr_status rcr_exec_reserve(rcr_exec *exec, size_t size, rcr_error *err) {
    if (exec->scratch != NULL && size <= exec->scratch_size) return RCR_OK;
    /* Not zeroed: a batch seldom needs all of it. */
    void *scratch = rcr_malloc_aligned(size, 1);
    if (scratch == NULL) return rcr_fail_memory(err, "making room for partial sums");
    rcr_free(exec->scratch);
    exec->scratch = scratch;
    exec->scratch_size = size;
    return RCR_OK;
}

void rcr_exec_release(rcr_exec *exec) {
    rcr_free(exec->scratch);
    *exec = (rcr_exec){0};
}

/* ---- finding the parts by name */

/* The offset of NAME.PART; the model made the names, so they are there. */
static size_t place_of(const rcr_model *model, const char *name, const char *part) {
    char full[80];
    snprintf(full, sizeof full, "%s.%s", name, part);
    const rcr_tensor *tensor = rcr_model_find(model, full, NULL);
    return tensor != NULL ? tensor->offset : 0;
}

static rcr_linear_place linear_place(const rcr_model *model, const char *name) {
    return (rcr_linear_place){place_of(model, name, "weight"), place_of(model, name, "bias")};
}

static rcr_norm_place norm_place(const rcr_model *model, const char *name) {
    return (rcr_norm_place){place_of(model, name, "weight"), place_of(model, name, "bias"),
                            place_of(model, name, "running_mean"), place_of(model, name, "running_var")};
}

static void find_places(rcr_net *net, const rcr_model *model) {
    int is_cgcnn = model->options.architecture == RCR_CGCNN;
    char name[64];
    net->embedding = linear_place(model, "embedding");
    net->conv_to_fc = linear_place(model, "conv_to_fc");
    net->fc_out = linear_place(model, "fc_out");
    for (int l = 0; l < net->n_convs; l++) {
        snprintf(name, sizeof name, is_cgcnn ? "convs.%d.fc_full" : "shared_conv.fc_full", l);
        net->conv[l] = linear_place(model, name);
    }
    for (int t = 0; t < model->options.depth; t++) {
        snprintf(name, sizeof name, is_cgcnn ? "convs.%d.bn1" : "recurrent_bn1s.%d", t);
        net->norm1[t] = norm_place(model, name);
        snprintf(name, sizeof name, is_cgcnn ? "convs.%d.bn2" : "recurrent_bn2s.%d", t);
        net->norm2[t] = norm_place(model, name);
    }
    for (int i = 0; i + 1 < model->options.hidden_layers; i++) {
        snprintf(name, sizeof name, "fcs.%d", i);
        net->fc[i] = linear_place(model, name);
    }
    if (model->options.layer_norm) net->layer_norm = norm_place(model, "recurrent_norm");
    const rcr_tensor *alpha = rcr_model_find(model, "recurrent_alpha", NULL);
    net->alpha = alpha != NULL ? alpha->offset : 0;
}

/* ---- making and unmaking */

static size_t round_up(size_t n) { return (n + 15) / 16 * 16; }

static int allocate(rcr_net *net) {
    const rcr_kernels *k = net->kernels;
    const rcr_model_options *o = &net->options;
    size_t rows = RCR_TABLE_ROWS;
    net->pack_size = round_up(k->conv_pack_size(o->atom_features, net->basis.n));
    net->scratch_size =
        k->scratch_size(RCR_TABLE_ROWS, 0, 1, RCR_TABLE_ROWS, o->atom_features, net->basis.n, rcr_net_width(net), 0);
    net->conv = rcr_calloc((size_t)net->n_convs, sizeof *net->conv);
    net->fc = rcr_calloc((size_t)o->hidden_layers, sizeof *net->fc);
    net->norm1 = rcr_calloc((size_t)o->depth, sizeof *net->norm1);
    net->norm2 = rcr_calloc((size_t)o->depth, sizeof *net->norm2);
    net->scratch = rcr_malloc_aligned(net->scratch_size, 1);
    net->parameters = k->mem_alloc(net->n_parameters);
    net->buffers = k->mem_alloc(net->n_buffer_values);
    net->element_rows = k->mem_alloc(rows * (size_t)net->n_element_features);
    net->element_vectors = k->mem_alloc(rows * (size_t)o->atom_features);
    net->pack = k->mem_alloc((size_t)net->n_convs * net->pack_size);
    return net->conv != NULL && net->fc != NULL && net->norm1 != NULL && net->norm2 != NULL && net->scratch != NULL &&
           net->parameters != NULL && net->buffers != NULL && net->element_rows != NULL &&
           net->element_vectors != NULL && net->pack != NULL;
}

static rcr_status upload_elements(rcr_net *net, const rcr_element_table *elements, rcr_error *err) {
    size_t n = (size_t)RCR_TABLE_ROWS * (size_t)elements->n_features;
    rcr_real *rows = rcr_malloc(n, sizeof *rows);
    if (rows == NULL) return rcr_fail_memory(err, "making a network");
    size_t first = (size_t)elements->n_features; /* row 0, the vacancy's, is zeros whatever a model file holds there */
    for (size_t i = 0; i < n; i++) rows[i] = i < first ? 0 : (rcr_real)elements->row[i];
    net->kernels->mem_upload(net->element_rows, rows, n);
    rcr_free(rows);
    return RCR_OK;
}

static void load_one(rcr_net *net, const rcr_model *model, const rcr_exec *exec);

/* The net of one network. */
static rcr_status create_one(rcr_net **out, const rcr_model *model, const rcr_kernels *kernels, rcr_error *err) {
    rcr_net *net = rcr_calloc(1, sizeof *net);
    if (net == NULL) return rcr_fail_memory(err, "making a network");
    net->kernels = kernels;
    net->options = model->options;
    net->basis = (rcr_basis){model->graph.dmin, model->graph.step, model->n_gaussians};
    net->n_element_features = model->elements->n_features;
    net->n_outputs = model->n_outputs;
    net->n_convs = model->options.architecture == RCR_CGCNN ? model->options.depth : 1;
    net->dropout = 0.5;
    net->n_parameters = model->n_parameters;
    net->n_buffer_values = model->n_buffer_values;
    rcr_status status = RCR_OK;
    if (!allocate(net)) status = rcr_fail_memory(err, "making a network");
    if (status == RCR_OK) status = upload_elements(net, model->elements, err);
    if (status != RCR_OK) {
        rcr_net_free(net);
        return status;
    }
    find_places(net, model);
    rcr_exec exec = {.kernels = kernels, .scratch = net->scratch, .scratch_size = net->scratch_size};
    load_one(net, model, &exec);
    *out = net;
    return RCR_OK;
}

rcr_status rcr_net_create(rcr_net **out, const rcr_model *model, const rcr_kernels *kernels, rcr_error *err) {
    rcr_net *first = NULL, **end = &first;
    for (size_t m = 0; m < model->n_members; m++, end = &(*end)->next) {
        rcr_status status = create_one(end, rcr_model_member(model, m), kernels, err);
        if (status == RCR_OK) continue;
        rcr_net_free(first);
        return status;
    }
    *out = first;
    return RCR_OK;
}

static void free_one(rcr_net *net) {
    const rcr_kernels *k = net->kernels;
    if (net->parameters != NULL) k->mem_free(net->parameters);
    if (net->buffers != NULL) k->mem_free(net->buffers);
    if (net->element_rows != NULL) k->mem_free(net->element_rows);
    if (net->element_vectors != NULL) k->mem_free(net->element_vectors);
    if (net->pack != NULL) k->mem_free(net->pack);
    rcr_free(net->conv);
    rcr_free(net->fc);
    rcr_free(net->norm1);
    rcr_free(net->norm2);
    rcr_free(net->scratch);
    rcr_free(net);
}

void rcr_net_free(rcr_net *net) {
    while (net != NULL) {
        rcr_net *next = net->next;
        free_one(net);
        net = next;
    }
}

rcr_real *rcr_net_parameters(rcr_net *net) { return net->parameters; }

size_t rcr_net_n_parameters(const rcr_net *net) { return net->n_parameters; }

rcr_real *rcr_net_buffers(rcr_net *net) { return net->buffers; }

size_t rcr_net_n_buffers(const rcr_net *net) { return net->n_buffer_values; }

void rcr_net_set_frozen(rcr_net *net, int conv, int embedding) {
    net->frozen_conv = conv;
    net->frozen_embedding = embedding;
}

void rcr_net_set_deep(rcr_net *net) { net->deep = 1; }

void rcr_net_set_dropout(rcr_net *net, double probability) { net->dropout = probability; }

int32_t rcr_net_width(const rcr_net *net) {
    int32_t F = net->options.atom_features;
    int32_t width = 4 * F > 2 * F + net->basis.n ? 4 * F : 2 * F + net->basis.n;
    if (net->options.hidden > width) width = net->options.hidden;
    return net->n_element_features > width ? net->n_element_features : width;
}

size_t rcr_net_largest_layer(const rcr_net *net) {
    size_t F = (size_t)net->options.atom_features, H = (size_t)net->options.hidden, largest = 0;
    size_t layer[] = {F * ((size_t)net->n_element_features + 1), H * (F + 1), (size_t)net->n_outputs * (H + 1),
                      net->options.hidden_layers > 1 ? H * (H + 1) : 0};
    for (size_t i = 0; i < sizeof layer / sizeof layer[0]; i++)
        if (layer[i] > largest) largest = layer[i];
    return largest;
}

void rcr_net_refresh(rcr_net *net, const rcr_exec *exec) {
    const rcr_kernels *k = net->kernels;
    const rcr_real *w = net->parameters;
    int32_t F = net->options.atom_features;
    rcr_exec own = *exec; /* with scratch that is large enough even before the caller's first batch */
    own.scratch = net->scratch;
    own.scratch_size = net->scratch_size;
    for (int32_t l = 0; l < net->n_convs; l++)
        k->conv_pack(&own, net->pack + (size_t)l * net->pack_size, w + net->conv[l].weight, w + net->conv[l].bias, F,
                     net->basis.n);
    k->linear_fwd(&own, net->element_vectors, net->element_rows, w + net->embedding.weight, w + net->embedding.bias,
                  RCR_TABLE_ROWS, net->n_element_features, F);
}

void rcr_net_store(const rcr_net *net, rcr_model *model) {
    net->kernels->mem_download(model->parameters, net->parameters, net->n_parameters);
    net->kernels->mem_download(model->buffers, net->buffers, net->n_buffer_values);
    model->n_batches_tracked = net->n_batches_tracked;
}

static void load_one(rcr_net *net, const rcr_model *model, const rcr_exec *exec) {
    net->kernels->mem_upload(net->parameters, model->parameters, net->n_parameters);
    net->kernels->mem_upload(net->buffers, model->buffers, net->n_buffer_values);
    net->n_batches_tracked = model->n_batches_tracked;
    rcr_net_refresh(net, exec);
}

void rcr_net_load(rcr_net *net, const rcr_model *model, const rcr_exec *exec) {
    for (size_t m = 0; net != NULL; net = net->next, m++) load_one(net, rcr_model_member(model, m), exec);
}

/* ---- a whole pass */

/* embedded <- W x + b.  Row 0 of the table is a vector of zeros, so that its embedding is the bias: what a vacancy
 * contributes to a disordered site's mean. */
static void embed(const rcr_pass *p) {
    const rcr_kernels *k = p->net->kernels;
    int32_t F = p->net->options.atom_features;
    k->rows_gather(p->exec, p->tape->embedded, p->net->element_vectors, p->batch->site_row, p->batch->n_atoms, F);
    if (p->batch->mixtures.n > 0)
        k->rows_mix_fwd(p->exec, p->tape->embedded, p->net->element_vectors, &p->batch->mixtures, F);
}

static void embed_backward(const rcr_pass *p, const rcr_real *d_embedded) {
    const rcr_kernels *k = p->net->kernels;
    const rcr_net *net = p->net;
    rcr_tape *tape = p->tape;
    int32_t F = net->options.atom_features;
    /* Atoms of one element share a row, so the embedding's gradient is a product over rows of the table. */
    k->rows_scatter(p->exec, tape->d_table, d_embedded, p->batch->site_row, p->batch->n_atoms, RCR_TABLE_ROWS, F);
    if (p->batch->mixtures.n > 0)
        k->rows_mix_bwd(p->exec, tape->d_table, d_embedded, &p->batch->mixtures, RCR_TABLE_ROWS, F);
    k->linear_bwd(p->exec, NULL, tape->gradient + net->embedding.weight, tape->gradient + net->embedding.bias,
                  tape->d_table, net->element_rows, net->parameters + net->embedding.weight, RCR_TABLE_ROWS,
                  net->n_element_features, F);
}

static void forward(const rcr_pass *p) {
    embed(p);
    if (p->net->options.architecture == RCR_CGCNN)
        rcr_cgcnn_forward(p);
    else
        rcr_sr_cgcnn_forward(p);
    rcr_head_forward(p, p->net->options.depth - 1);
}

void rcr_net_forward(rcr_tape *tape, const rcr_net *net, const rcr_exec *exec, const rcr_batch *batch) {
    tape->batch_stats = 0;
    tape->dropout_seed = 0;
    forward(&(rcr_pass){.tape = tape, .net = net, .exec = exec, .batch = batch});
}

/* PyTorch's momentum of running statistics. */
#define RUNNING_MOMENTUM 0.1

void rcr_net_forward_training(rcr_tape *tape, rcr_net *net, const rcr_exec *exec, const rcr_batch *batch,
                              uint64_t dropout_seed) {
    const rcr_kernels *k = net->kernels;
    tape->batch_stats = !net->frozen_conv;
    tape->dropout_seed = net->options.task == RCR_CLASSIFICATION && net->dropout > 0 ? dropout_seed : 0;
    forward(&(rcr_pass){.tape = tape, .net = net, .exec = exec, .batch = batch});
    if (net->frozen_conv) return;
    for (int32_t t = 0; t < net->options.depth; t++) {
        const rcr_tape_step *step = &tape->step[t];
        const rcr_norm_place *norm1 = &net->norm1[t], *norm2 = &net->norm2[t];
        if (batch->n_edges > 0) /* a batch without edges has no statistics */
            k->norm_running(exec, net->buffers + norm1->mean, net->buffers + norm1->var, step->mean1, step->var1,
                            rcr_batch_all_edges(batch), RUNNING_MOMENTUM, 2 * net->options.atom_features);
        k->norm_running(exec, net->buffers + norm2->mean, net->buffers + norm2->var, step->mean2, step->var2,
                        rcr_batch_all_atoms(batch), RUNNING_MOMENTUM, net->options.atom_features);
    }
    net->n_batches_tracked++;
}

static void backward(const rcr_pass *p, const rcr_real *dout) {
    const rcr_net *net = p->net;
    net->kernels->mem_zero(p->exec, p->tape->gradient, net->n_parameters);
    rcr_head_backward(p, dout, p->tape->d_atoms[0]);
    if (net->frozen_conv && net->frozen_embedding && p->deep == NULL) return;
    const rcr_real *d_embedded =
        net->options.architecture == RCR_CGCNN ? rcr_cgcnn_backward(p) : rcr_sr_cgcnn_backward(p);
    if (!net->frozen_embedding) embed_backward(p, d_embedded);
}

void rcr_net_backward(rcr_tape *tape, const rcr_net *net, const rcr_exec *exec, const rcr_batch *batch,
                      const rcr_real *dout) {
    backward(&(rcr_pass){.tape = tape, .net = net, .exec = exec, .batch = batch}, dout);
}

void rcr_net_readout(rcr_tape *tape, const rcr_net *net, const rcr_exec *exec, const rcr_batch *batch, int32_t t) {
    rcr_head_forward(&(rcr_pass){.tape = tape, .net = net, .exec = exec, .batch = batch}, t);
}

void rcr_net_backward_deep(rcr_tape *tape, const rcr_net *net, const rcr_exec *exec, const rcr_batch *batch,
                           const rcr_real *dout, size_t stride) {
    rcr_pass pass = {.tape = tape, .net = net, .exec = exec, .batch = batch, .deep = dout, .stride = stride};
    int32_t last = net->options.depth - 1;
    rcr_head_forward(&pass, last);
    backward(&pass, dout + (size_t)last * stride);
}
