/*
 * recryst's side of the comparison with PyTorch: chooses crystals, writes them down for the other side, and then times
 * what it is told to on standard input, so that the two sides can take turns.
 *
 *     bench_step DATA FOLDER CRYSTALS BATCH
 *
 * FOLDER gets cif/ID.cif of the CRYSTALS chosen, their names in files.txt, batch.safetensors (the BATCH consecutive
 * ones whose number of atoms is nearest to the mean), elements.safetensors, and the models sr.safetensors and
 * cgcnn.safetensors, whose fresh weights both sides start from.  Only crystals in which every atom has max_neighbors
 * neighbors are taken, because the PyTorch programs know no other.
 *
 * Commands, one a line, each answered by one line:
 *
 *     use THREADS KERNELS      KERNELS: ref, base, avx2, avx512, or best
 *     train ARCH STEPS         ARCH: sr or cgcnn; seconds of each training step
 *     whole ARCH STEPS         the same with every atom by itself: equivalent atoms are not folded
 *     forward ARCH STEPS       seconds of the forward half of a training step alone
 *     predict ARCH STEPS       seconds of each prediction of the batch
 *     profile ARCH STEPS       mean seconds of each operation of a training step, and of the whole step
 *     check ARCH               writes check-ARCH.safetensors: output, loss, gradients at the start parameters
 *     files LIST PASSES        seconds of each pass over the CIFs that LIST names (file to graph), and of reading alone
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "data/dataset.h"
#include "io/archive.h"
#include "model/net.h"
#include "model/safetensors.h"
#include "timed_kernels.h"

enum { SR, CGCNN, ARCHITECTURES };
static const char *const names[ARCHITECTURES] = {"sr", "cgcnn"};

/* A network and its optimiser on the kernels in use. */
typedef struct trainer {
    rcr_net *net;
    rcr_tape *tape;
    rcr_exec exec;
    rcr_real *m, *v, *loss, *dout, *target;
    int64_t steps;
} trainer;

typedef struct bench {
    const char *folder;
    int batch_size;
    rcr_graph **graph; /* [batch_size] */
    rcr_real *target;  /* [batch_size] normalised, host */
    rcr_batch batch;
    rcr_model *model[ARCHITECTURES];
    trainer trainer[ARCHITECTURES];
    const rcr_kernels *kernels;
    rcr_pool *pool;
} bench;

static rcr_error err;

static void die(const char *what) {
    fprintf(stderr, "bench_step: %s\n", what);
    exit(1);
}
static void check(rcr_status status) {
    if (status != RCR_OK) die(err.message);
}
static void *need(void *memory) {
    if (memory == NULL) die("out of memory");
    return memory;
}
static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- choosing crystals and writing them down */

static int is_full(const rcr_graph *graph, int32_t max_neighbors) {
    for (int32_t i = 0; i < graph->n_atoms; i++)
        if (graph->offset[i + 1] - graph->offset[i] != max_neighbors) return 0;
    return 1;
}

/* The dataset with its only target, or, where it has several, with none. */
static rcr_dataset *read_dataset(const char *path, int *has_target) {
    rcr_dataset_options options = {.graph = rcr_graph_options_default(), .need_target = 1};
    check(rcr_pool_create(&options.pool, 0, &err));
    rcr_dataset *data;
    rcr_status status = rcr_dataset_read(&data, path, &options, &err);
    *has_target = status == RCR_OK;
    if (status == RCR_ERR_ARGUMENT) {
        options.need_target = 0;
        status = rcr_dataset_read(&data, path, &options, &err);
    }
    check(status);
    rcr_pool_free(options.pool);
    return data;
}

/* Copy the files of the crystals chosen out of the dataset, and list them. */
static void write_files(const bench *b, const char *path, const rcr_dataset *data, const int64_t *chosen, int n) {
    rcr_folder *folder;
    check(rcr_folder_open(&folder, path, &err));
    char name[4096];
    snprintf(name, sizeof name, "%s/cif", b->folder);
    check(rcr_make_directory(name, &err));
    snprintf(name, sizeof name, "%s/files.txt", b->folder);
    FILE *list = need(fopen(name, "w"));
    for (int i = 0; i < n; i++) {
        char *text;
        size_t length;
        snprintf(name, sizeof name, "%s.cif", data->sample[chosen[i]].id);
        check(rcr_folder_read(&text, &length, folder, name, &err));
        snprintf(name, sizeof name, "%s/cif/%s.cif", b->folder, data->sample[chosen[i]].id);
        check(rcr_file_write(name, text, length, &err));
        fprintf(list, "%s\n", name);
        rcr_free(text);
    }
    if (fclose(list) != 0) die("files.txt can't be written");
    rcr_folder_free(folder);
}

/* First of the batch_size consecutive graphs whose number of atoms is nearest to the mean of all such parts. */
static int typical_part(rcr_graph *const *graph, int n, int batch_size) {
    double total = 0, nearest = 1e300;
    int best = 0, parts = n / batch_size;
    for (int i = 0; i < parts * batch_size; i++) total += graph[i]->n_atoms;
    for (int p = 0; p < parts; p++) {
        double atoms = 0;
        for (int i = 0; i < batch_size; i++) atoms += graph[p * batch_size + i]->n_atoms;
        double distance = fabs(atoms - total / parts);
        if (distance < nearest) nearest = distance, best = p * batch_size;
    }
    return best;
}

static void fill(bench *b) {
    check(rcr_batch_fill(&b->batch, (const rcr_graph *const *)b->graph, b->batch_size, &err));
}

/* Crystals drawn with a fixed seed, and the batch out of them; says what was taken. */
static void choose(bench *b, const char *path, int crystals) {
    int has_target, n = 0, passed = 0;
    double start = seconds();
    rcr_dataset *data = read_dataset(path, &has_target);
    double taken = seconds() - start;
    int64_t *order = need(rcr_calloc(data->n, sizeof *order));
    for (size_t i = 0; i < data->n; i++) order[i] = (int64_t)i;
    rcr_rng rng;
    rcr_rng_seed(&rng, 1, 0);
    rcr_rng_shuffle(&rng, order, data->n);
    rcr_graph **graph = need(rcr_calloc(data->n, sizeof(rcr_graph *)));
    long atoms = 0, batch_atoms = 0;
    for (size_t i = 0; i < data->n && n < crystals; i++) {
        check(rcr_dataset_graph(&graph[n], data, (size_t)order[i], &err));
        if (!is_full(graph[n], data->graph_options.max_neighbors)) {
            rcr_graph_free(graph[n]);
            passed++;
            continue;
        }
        atoms += graph[n]->n_atoms;
        order[n++] = order[i];
    }
    if (n < b->batch_size) die("too few crystals for one batch");
    write_files(b, path, data, order, n);
    double *target = need(rcr_calloc((size_t)n, sizeof *target));
    for (int i = 0; i < n; i++) target[i] = has_target ? data->sample[order[i]].target : (double)i;
    rcr_normalizer scale = rcr_normalizer_fit(target, (size_t)n);
    int first = typical_part(graph, n, b->batch_size);
    b->graph = graph + first;
    b->target = need(rcr_calloc((size_t)b->batch_size, sizeof(rcr_real)));
    for (int c = 0; c < b->batch_size; c++) {
        b->target[c] = (rcr_real)((target[first + c] - scale.mean) / scale.std);
        batch_atoms += b->graph[c]->n_atoms;
    }
    b->batch.fold = 1;
    fill(b);
    printf("{\"data\": \"%s\", \"rows\": %zu, \"read_seconds\": %.3f, \"crystals\": %d, \"passed_over\": %d, "
           "\"atoms\": %ld, \"batch\": %d, \"batch_atoms\": %ld, \"batch_kinds\": %d, \"batch_kind_edges\": %d}\n",
           data->name, data->n, taken, n, passed, atoms, b->batch_size, batch_atoms, b->batch.n_atoms,
           b->batch.n_edges);
    rcr_free(target);
    rcr_free(order);
    rcr_dataset_free(data);
}

static void save(const bench *b, const char *name, const rcr_st_tensor *tensor, size_t n) {
    char *bytes, path[4096];
    size_t length;
    check(rcr_safetensors_write(&bytes, &length, tensor, n, NULL, NULL, 0, &err));
    snprintf(path, sizeof path, "%s/%s.safetensors", b->folder, name);
    check(rcr_file_write(path, bytes, length, &err));
    rcr_free(bytes);
}

static rcr_st_tensor tensor(const char *name, const char *dtype, const void *data, int64_t rows, int64_t columns) {
    rcr_st_tensor t = {.name = name, .rank = columns > 0 ? 2 : 1, .shape = {rows, columns}, .data = data};
    snprintf(t.dtype, sizeof t.dtype, "%s", dtype);
    t.count = (size_t)(rows * (columns > 0 ? columns : 1));
    return t;
}

static void write_batch(bench *b) {
    fill(b);
    const rcr_batch *batch = &b->batch;
    int64_t edges = batch->n_edges / batch->n_atoms;
    rcr_st_tensor t[] = {tensor("neighbor", "I32", batch->edge_source, batch->n_atoms, edges),
                         tensor("distance", "F32", batch->edge_distance, batch->n_atoms, edges),
                         tensor("atomic_number", "I32", batch->site_row, batch->n_atoms, 0),
                         tensor("crystal_offset", "I32", batch->crystal_offset, batch->n_crystals + 1, 0),
                         tensor("target", "F32", b->target, batch->n_crystals, 0)};
    save(b, "batch", t, sizeof t / sizeof t[0]);
}

static void make_models(bench *b) {
    rcr_element_table *elements;
    check(rcr_element_table_cgcnn(&elements, &err));
    for (int a = 0; a < ARCHITECTURES; a++) {
        rcr_model_options options = rcr_model_options_default();
        options.architecture = a == SR ? RCR_SR_CGCNN : RCR_CGCNN;
        rcr_graph_options graph = rcr_graph_options_default();
        check(rcr_model_create(&b->model[a], &options, &graph, elements, 1, &err));
        char path[4096];
        snprintf(path, sizeof path, "%s/%s.safetensors", b->folder, names[a]);
        check(rcr_model_save(b->model[a], path, &err));
    }
    size_t count = (RCR_MAX_ATOMIC_NUMBER + 1) * (size_t)elements->n_features;
    float *row = need(rcr_calloc(count, sizeof *row));
    for (size_t i = 0; i < count; i++) row[i] = (float)elements->row[i];
    rcr_st_tensor t = tensor("elements", "F32", row, RCR_MAX_ATOMIC_NUMBER + 1, elements->n_features);
    save(b, "elements", &t, 1);
    rcr_free(row);
    rcr_element_table_free(elements);
}

/* ---- networks on the kernels in use */

static void trainer_free(trainer *t, const rcr_kernels *kernels) {
    if (t->net == NULL) return;
    rcr_real *owned[] = {t->m, t->v, t->loss, t->dout, t->target};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) kernels->mem_free(owned[i]);
    rcr_tape_free(t->tape);
    rcr_exec_release(&t->exec);
    rcr_net_free(t->net);
    *t = (trainer){0};
}

static void trainer_make(bench *b, int a) {
    trainer *t = &b->trainer[a];
    check(rcr_net_create(&t->net, b->model[a], b->kernels, &err));
    check(rcr_tape_create(&t->tape, t->net, RCR_TAPE_TRAINING, &err));
    check(rcr_exec_init(&t->exec, b->kernels, b->pool, &err));
    size_t n = rcr_net_n_parameters(t->net);
    t->m = need(b->kernels->mem_alloc(n));
    t->v = need(b->kernels->mem_alloc(n));
    t->loss = need(b->kernels->mem_alloc(1));
    t->dout = need(b->kernels->mem_alloc((size_t)b->batch_size));
    t->target = need(b->kernels->mem_alloc((size_t)b->batch_size));
    fill(b);
    check(rcr_tape_reserve(t->tape, &t->exec, t->net, &b->batch, &err));
    rcr_net_refresh(t->net, &t->exec);
}

static void use(bench *b, int threads, const char *kernels) {
    for (int a = 0; a < ARCHITECTURES; a++) trainer_free(&b->trainer[a], b->kernels);
    rcr_pool_free(b->pool);
    check(rcr_kernels_choose(&b->kernels, strcmp(kernels, "best") == 0 ? NULL : kernels, &err));
    check(rcr_pool_create(&b->pool, threads, &err));
    for (int a = 0; a < ARCHITECTURES; a++) trainer_make(b, a);
    printf("%s\n", b->kernels->name);
}

/* ---- what is timed */

/* All that a trainer does for one batch: its graphs lie in memory, the batch is put together here. */
static void train_step(bench *b, int a, int with_backward) {
    trainer *t = &b->trainer[a];
    const rcr_kernels *k = b->kernels;
    fill(b);
    k->mem_upload(t->target, b->target, (size_t)b->batch_size);
    rcr_net_refresh(t->net, &t->exec);
    rcr_net_forward_training(t->tape, t->net, &t->exec, &b->batch, 0);
    k->loss_mse(&t->exec, t->loss, t->dout, rcr_tape_output(t->tape), t->target, NULL, b->batch_size);
    if (!with_backward) return;
    rcr_net_backward(t->tape, t->net, &t->exec, &b->batch, t->dout);
    rcr_adam adam = {1e-3, 0.9, 0.999, 1e-8, 0, 0, ++t->steps};
    k->adam_update(&t->exec, rcr_net_parameters(t->net), t->m, t->v, rcr_tape_gradient(t->tape), &adam,
                   (int64_t)rcr_net_n_parameters(t->net));
}

static void predict_step(bench *b, int a) {
    double *value = need(rcr_malloc((size_t)b->batch_size, sizeof *value));
    check(rcr_net_predict(value, b->trainer[a].net, b->model[a], (const rcr_graph *const *)b->graph,
                          (size_t)b->batch_size, b->pool, &err));
    rcr_free(value);
}

/* Folding or not, a trainer has room for the batch. */
static void set_fold(bench *b, int a, int fold) {
    b->batch.fold = fold;
    fill(b);
    check(rcr_tape_reserve(b->trainer[a].tape, &b->trainer[a].exec, b->trainer[a].net, &b->batch, &err));
}

static void timed(bench *b, const char *what, int a, int steps) {
    int whole = what[0] == 'w';
    if (whole) set_fold(b, a, 0);
    for (int i = 0; i < steps; i++) {
        double start = seconds();
        if (what[0] == 'p')
            predict_step(b, a);
        else
            train_step(b, a, what[0] != 'f');
        printf("%.6e ", seconds() - start);
    }
    if (whole) set_fold(b, a, 1);
    printf("\n");
}

/* The same step with a clock around each operation. */
static void profile(bench *b, int a, int steps) {
    const rcr_kernels *inner = b->kernels;
    trainer_free(&b->trainer[a], inner);
    rcr_kernels table = timed_kernels(inner);
    b->kernels = &table;
    trainer_make(b, a);
    for (int i = 0; i < 3; i++) train_step(b, a, 1);
    table = timed_kernels(inner);
    double start = seconds();
    for (int i = 0; i < steps; i++) train_step(b, a, 1);
    printf("step %.6e ", (seconds() - start) / steps);
    timed_print(steps);
    trainer_free(&b->trainer[a], &table);
    b->kernels = inner;
    trainer_make(b, a);
}

static void write_check(bench *b, int a) {
    trainer_free(&b->trainer[a], b->kernels);
    trainer_make(b, a);
    trainer *t = &b->trainer[a];
    train_step(b, a, 0);
    rcr_net_backward(t->tape, t->net, &t->exec, &b->batch, t->dout);
    const rcr_model *m = b->model[a];
    rcr_real *gradient = need(rcr_malloc(m->n_parameters, sizeof *gradient)), loss;
    rcr_real *out = need(rcr_malloc((size_t)b->batch_size, sizeof *out));
    double *prediction = need(rcr_malloc((size_t)b->batch_size, sizeof *prediction));
    b->kernels->mem_download(gradient, rcr_tape_gradient(t->tape), m->n_parameters);
    b->kernels->mem_download(out, rcr_tape_output(t->tape), (size_t)b->batch_size);
    b->kernels->mem_download(&loss, t->loss, 1);
    /* Predictions after that one forward pass: with the running statistics that it left. */
    check(rcr_net_predict(prediction, t->net, m, (const rcr_graph *const *)b->graph, (size_t)b->batch_size, b->pool,
                          &err));
    rcr_st_tensor *all = need(rcr_calloc(m->n_tensors + 3, sizeof *all));
    all[0] = tensor("prediction", "F64", prediction, b->batch_size, 0);
    all[1] = tensor("output", "F32", out, b->batch_size, 0);
    all[2] = tensor("loss", "F32", &loss, 1, 0);
    for (size_t i = 0; i < m->n_tensors; i++) {
        const rcr_tensor *from = &m->tensor[i];
        all[i + 3] =
            tensor(from->name, "F32", gradient + from->offset, from->shape[0], from->rank == 2 ? from->shape[1] : 0);
    }
    char name[32];
    snprintf(name, sizeof name, "check-%s", names[a]);
    save(b, name, all, m->n_tensors + 3);
    rcr_free(all);
    rcr_free(gradient);
    rcr_free(prediction);
    rcr_free(out);
    printf("ok\n");
}

/* From files to graphs on this thread alone. */
static void time_files(const char *list, int passes) {
    char *text;
    size_t length;
    check(rcr_file_read(&text, &length, list, (size_t)1 << 26, &err));
    rcr_graph_options options = rcr_graph_options_default();
    for (int pass = 0; pass < passes; pass++) {
        double start = seconds(), reading = 0;
        for (const char *at = text; *at != '\0';) {
            size_t n = strcspn(at, "\n");
            char path[4096];
            snprintf(path, sizeof path, "%.*s", (int)n, at);
            at += n + (at[n] == '\n');
            if (n == 0) continue;
            rcr_crystal *crystal;
            rcr_graph *graph;
            double before = seconds();
            check(rcr_crystal_read(&crystal, path, &err));
            reading += seconds() - before;
            check(rcr_graph_build(&graph, crystal, &options, &err));
            rcr_graph_free(graph);
            rcr_crystal_free(crystal);
        }
        printf("%.6e %.6e ", seconds() - start, reading);
    }
    printf("\n");
    rcr_free(text);
}

static int architecture(const char *name) {
    for (int a = 0; a < ARCHITECTURES; a++)
        if (strcmp(name, names[a]) == 0) return a;
    die("unknown architecture");
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: bench_step DATA FOLDER CRYSTALS BATCH\n");
        return 2;
    }
    bench b = {.folder = argv[2], .batch_size = atoi(argv[4])};
    if (b.batch_size < 1) die("BATCH must be at least 1");
    choose(&b, argv[1], atoi(argv[3]));
    b.batch.fold = 0; /* the other side takes every atom by itself */
    write_batch(&b);
    b.batch.fold = 1;
    make_models(&b);
    fflush(stdout);
    char line[4096], what[16], first[4000];
    int number = 0;
    while (fgets(line, sizeof line, stdin) != NULL) {
        int fields = sscanf(line, "%15s %3999s %d", what, first, &number);
        if (fields < 1) continue;
        char kernels[16] = "best";
        if (strcmp(what, "use") == 0 && sscanf(line, "%*s %d %15s", &number, kernels) >= 1)
            use(&b, number, kernels);
        else if (strcmp(what, "check") == 0 && fields >= 2)
            write_check(&b, architecture(first));
        else if (strcmp(what, "files") == 0 && fields == 3)
            time_files(first, number);
        else if (strcmp(what, "profile") == 0 && fields == 3 && number > 0)
            profile(&b, architecture(first), number);
        else if (fields == 3)
            timed(&b, what, architecture(first), number);
        else
            die("a command that is not understood");
        fflush(stdout);
    }
    return 0;
}
