/* Batches in which equivalent atoms stand once give what the whole ones give: outputs, gradients, running statistics.
 */
#include <math.h>

#include "base/mem.h"
#include "model/net.h"
#include "support/check.h"
#include "support/models.h"

enum { N_GRAPHS = 6, N_KERNELS = 4 };
static const char *const kernel_names[] = {"ref", "base", "avx2", "avx512"};

#ifdef RCR_DOUBLE
static const double outputs_within = 1e-11, gradients_within = 1e-10;
#else
static const double outputs_within = 1e-5, gradients_within = 2e-4; /* of the largest; sums in another order */
#endif

/* Every edge of every other atom twice. */
static rcr_graph *with_copies(const rcr_graph *graph) {
    rcr_graph *more = NULL;
    int32_t n = graph->n_atoms, species = graph->species_offset != NULL ? graph->species_offset[n] : 0, e = 0;
    assert_int_equal(rcr_graph_create_disordered(&more, n, 2 * graph->n_edges, species, NULL), RCR_OK);
    memcpy(more->atomic_number, graph->atomic_number, (size_t)n);
    for (int32_t i = 0; i < n; i++) {
        for (int32_t from = graph->offset[i]; from < graph->offset[i + 1]; from++)
            for (int copy = 0; copy <= i % 2; copy++, e++) {
                more->neighbor[e] = graph->neighbor[from];
                more->distance[e] = graph->distance[from];
            }
        more->offset[i + 1] = e;
    }
    more->n_edges = e;
    if (species == 0) return more;
    memcpy(more->species_offset, graph->species_offset, ((size_t)n + 1) * sizeof *more->species_offset);
    memcpy(more->species_number, graph->species_number, (size_t)species);
    memcpy(more->species_occupancy, graph->species_occupancy, (size_t)species * sizeof *more->species_occupancy);
    return more;
}

/* Graphs of which atoms stand for 1 to 5 equivalent ones; one has none. */
static void make_graphs(rcr_graph **graph, int disordered) {
    rcr_rng rng;
    rcr_rng_seed(&rng, 77, 1);
    for (int i = 0; i < N_GRAPHS; i++) {
        rcr_graph *one = (disordered && i % 2 ? make_disordered_graph : make_graph)(&rng, 3 + 2 * i, 9);
        rcr_graph *more = with_copies(one);
        graph[i] = make_cover(&rng, more, i > 0 ? i : 1);
        rcr_graph_free(more);
        rcr_graph_free(one);
    }
}

typedef struct result {
    rcr_real *out, *gradient, *running;
    int32_t n_atoms, n_edges;
} result;

static rcr_real *downloaded(const rcr_kernels *k, const rcr_real *device, size_t n) {
    rcr_real *host = calloc(n + 1, sizeof *host);
    assert_non_null(host);
    k->mem_download(host, device, n);
    return host;
}

/* One step's forward and backward on the graphs. */
static result run(const rcr_model *model, const rcr_kernels *k, rcr_graph **graph, int fold, int training) {
    rcr_net *net;
    rcr_tape *tape;
    rcr_exec exec;
    rcr_batch batch = {.fold = fold};
    assert_int_equal(rcr_batch_fill(&batch, (const rcr_graph *const *)graph, N_GRAPHS, NULL), RCR_OK);
    assert_int_equal(rcr_net_create(&net, model, k, NULL), RCR_OK);
    assert_int_equal(rcr_tape_create(&tape, net, RCR_TAPE_TRAINING, NULL), RCR_OK);
    assert_int_equal(rcr_exec_init(&exec, k, NULL, NULL), RCR_OK);
    assert_int_equal(rcr_tape_reserve(tape, &exec, net, &batch, NULL), RCR_OK);
    size_t n_out = (size_t)(N_GRAPHS * model->n_outputs);
    rcr_real *form = calloc(n_out, sizeof *form), *d_out = k->mem_alloc(n_out);
    for (size_t i = 0; i < n_out; i++) form[i] = (rcr_real)((double)(i * 37 % 11) / 5 - 1);
    k->mem_upload(d_out, form, n_out);
    if (training)
        rcr_net_forward_training(tape, net, &exec, &batch, 0);
    else
        rcr_net_forward(tape, net, &exec, &batch);
    result r = {.n_atoms = batch.n_atoms, .n_edges = batch.n_edges};
    r.out = downloaded(k, rcr_tape_output(tape), n_out);
    if (training) rcr_net_backward(tape, net, &exec, &batch, d_out);
    r.gradient = downloaded(k, rcr_tape_gradient(tape), model->n_parameters);
    r.running = downloaded(k, rcr_net_buffers(net), rcr_net_n_buffers(net));
    k->mem_free(d_out);
    free(form);
    rcr_tape_free(tape);
    rcr_exec_release(&exec);
    rcr_net_free(net);
    rcr_batch_release(&batch);
    return r;
}

static void release(result *r) {
    free(r->out);
    free(r->gradient);
    free(r->running);
}

static void assert_near(const char *what, int variant, const char *kernels, const rcr_real *a, const rcr_real *b,
                        size_t n, double scale, double within) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= within * scale))
            fail_msg("variant %d, %s: %s %zu is %.9g folded, %.9g whole", variant, kernels, what, i, (double)b[i],
                     (double)a[i]);
}

static double largest(const rcr_real *x, size_t n) {
    double most = 1e-3;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs((double)x[i]));
    return most;
}

static void compare(const rcr_model *model, int variant, const rcr_kernels *k, int disordered) {
    rcr_graph *graph[N_GRAPHS];
    make_graphs(graph, disordered);
    for (int training = 0; training < 2; training++) {
        result whole = run(model, k, graph, 0, training), folded = run(model, k, graph, 1, training);
        assert_true(folded.n_atoms * 3 < whole.n_atoms && folded.n_edges * 4 < whole.n_edges);
        size_t n_out = (size_t)(N_GRAPHS * model->n_outputs);
        assert_near("output", variant, k->name, whole.out, folded.out, n_out, largest(whole.out, n_out),
                    outputs_within);
        assert_near("running statistic", variant, k->name, whole.running, folded.running, model->n_buffer_values,
                    largest(whole.running, model->n_buffer_values), outputs_within);
        for (size_t t = 0; t < model->n_tensors && training; t++) {
            const rcr_tensor *tensor = &model->tensor[t];
            assert_near(tensor->name, variant, k->name, whole.gradient + tensor->offset,
                        folded.gradient + tensor->offset, tensor->count, largest(whole.gradient, model->n_parameters),
                        gradients_within);
        }
        release(&whole);
        release(&folded);
    }
    for (int i = 0; i < N_GRAPHS; i++) rcr_graph_free(graph[i]);
}

static void folded_is_whole(void **state) {
    (void)state;
    for (int v = 0; v < N_ALL_VARIANTS; v++) {
        rcr_model *model = make_model(&model_variants[v], 13);
        for (int i = 0; i < N_KERNELS; i++) {
            const rcr_kernels *k;
            if (rcr_kernels_choose(&k, kernel_names[i], NULL) == RCR_OK) compare(model, v, k, v % 2);
        }
        rcr_model_free(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(folded_is_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
