/* recryst bench */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/read_data.h"
#include "cli/terminal.h"
#include "io/archive.h"
#include "io/structure.h"
#include "model/net.h"

/* Crystals of a dataset that are read again and again; repeats of each figure. */
enum { MAX_FILES = 2000, MIN_REPEATS = 5, MAX_REPEATS = 1000 };

typedef struct bench {
    /* options */
    const char *data;
    int32_t architecture, batch_size, threads;
    double seconds; /* for each figure */
    /* what is worked on */
    char *path;
    rcr_dataset *dataset;
    rcr_graph **graph; /* [n_graphs] one batch */
    int32_t n_graphs;
    int64_t n_edges; /* of the batch */
    char **text;     /* [n_files] structure files in memory */
    size_t *length;
    char **name;
    rcr_crystal **crystal; /* [n_files] what they hold; NULL: not usable */
    size_t n_files;
    int64_t file_edges; /* of these crystals' graphs */
    rcr_model *model;
    /* how */
    const rcr_kernels *kernels;
    rcr_pool *pool;
    /* one network in training */
    rcr_net *net;
    rcr_tape *tape;
    rcr_exec exec;
    rcr_batch batch;
    rcr_real *m, *v, *loss, *dout, *target;
    double *value;
    rcr_text row; /* what comes out next */
    rcr_output out;
} bench;

/* ---- what is timed; each does its work once */

typedef rcr_status timed(bench *b, rcr_error *err);

static void parse_piece(void *job, int index, int worker) {
    (void)worker;
    const bench *b = job;
    rcr_crystal *crystal = NULL;
    if (rcr_structure_parse(&crystal, b->name[index], b->text[index], b->length[index], NULL) == RCR_OK)
        rcr_crystal_free(crystal);
}

static rcr_status parse_files(bench *b, rcr_error *err) {
    (void)err;
    rcr_pool_run(b->pool, (int)b->n_files, parse_piece, b);
    return RCR_OK;
}

static void graph_piece(void *job, int index, int worker) {
    (void)worker;
    const bench *b = job;
    rcr_graph *graph = NULL;
    if (b->crystal[index] != NULL &&
        rcr_graph_build(&graph, b->crystal[index], &b->dataset->graph_options, NULL) == RCR_OK)
        rcr_graph_free(graph);
}

static rcr_status build_graphs(bench *b, rcr_error *err) {
    (void)err;
    rcr_pool_run(b->pool, (int)b->n_files, graph_piece, b);
    return RCR_OK;
}

static rcr_status read_whole(bench *b, rcr_error *err) {
    rcr_dataset *dataset;
    rcr_dataset_options options = {.graph = rcr_graph_options_default(), .pool = b->pool};
    rcr_status status = rcr_dataset_read(&dataset, b->path, &options, err);
    if (status == RCR_OK) rcr_dataset_free(dataset);
    return status;
}

static rcr_status forward(bench *b, rcr_error *err) {
    return rcr_net_predict(b->value, b->net, b->model, (const rcr_graph *const *)b->graph, (size_t)b->n_graphs, b->pool,
                           err);
}

static rcr_status training_step(bench *b, rcr_error *err) {
    const rcr_kernels *k = b->kernels;
    rcr_status status = rcr_batch_fill(&b->batch, (const rcr_graph *const *)b->graph, b->n_graphs, err);
    if (status != RCR_OK) return status;
    rcr_net_refresh(b->net, &b->exec);
    rcr_net_forward_training(b->tape, b->net, &b->exec, &b->batch, 0);
    k->loss_mse(&b->exec, b->loss, b->dout, rcr_tape_output(b->tape), b->target, NULL, b->n_graphs);
    rcr_net_backward(b->tape, b->net, &b->exec, &b->batch, b->dout);
    rcr_adam adam = {1e-4, 0.9, 0.999, 1e-8, 0, 0, 1};
    k->adam_update(&b->exec, rcr_net_parameters(b->net), b->m, b->v, rcr_tape_gradient(b->tape), &adam,
                   (int64_t)rcr_net_n_parameters(b->net));
    return RCR_OK;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Time `run` and append a row: the median of at least MIN_REPEATS after one that warms up. */
static rcr_status time_row(bench *b, const char *what, timed *run, const char *kernels, int64_t crystals, int64_t edges,
                           rcr_error *err) {
    double taken[MAX_REPEATS], total = 0;
    int n = 0;
    rcr_status status = run(b, err);
    while (status == RCR_OK && n < MAX_REPEATS && (n < MIN_REPEATS || total < b->seconds)) {
        double start = rcr_now();
        status = run(b, err);
        taken[n] = rcr_now() - start;
        total += taken[n++];
    }
    if (status != RCR_OK) return status;
    qsort(taken, (size_t)n, sizeof *taken, compare_doubles);
    double median = taken[n / 2];
    char rate[32];
    rcr_text_printf(&b->row, "%-15s  %-7s  %7d  %11s  %10.1f\n", what, kernels, rcr_pool_size(b->pool),
                    rcr_format_count(rate, (long long)((double)crystals / median)), 1e9 * median / (double)edges);
    rcr_output_write(&b->out, &b->row);
    return RCR_OK;
}

/* ---- preparing */

/* The bundled demo data: in the working folder's tree, or beside the program's. */
static rcr_status find_demo(bench *b, rcr_error *err) {
    static const char demo[] = "data/demo/alloys.tar.zst";
    rcr_text path = {0};
    rcr_text_puts(&path, demo);
    if (!path.failed && !rcr_is_file(path.data)) {
        char program[4096];
        ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
        program[n > 0 ? n : 0] = '\0';
        char *slash = strrchr(program, '/');
        if (slash != NULL) *slash = '\0';
        path.length = 0;
        rcr_text_printf(&path, "%s/../%s", program, demo);
    }
    rcr_status status = RCR_OK;
    if (path.failed)
        status = rcr_fail_memory(err, "looking for the demo data");
    else if (!rcr_is_file(path.data))
        status = rcr_fail(err, RCR_ERR_IO, "the demo data (%s) are not here: give a dataset, recryst bench DATA", demo);
    else if ((b->path = rcr_strdup(path.data)) == NULL)
        status = rcr_fail_memory(err, "looking for the demo data");
    rcr_text_free(&path);
    return status;
}

/* Structure files of the dataset into memory, where it is a folder or archive of CIFs; no error where it is not. */
static rcr_status load_files(bench *b, rcr_error *err) {
    rcr_folder *folder;
    const char *const *names;
    size_t n;
    if (rcr_folder_open(&folder, b->path, NULL) != RCR_OK) return RCR_OK;
    rcr_status status = rcr_folder_list(&names, &n, folder, err);
    if (status != RCR_OK) n = 0;
    size_t room = n < MAX_FILES ? n : MAX_FILES;
    b->text = rcr_calloc(room, sizeof *b->text);
    b->name = rcr_calloc(room, sizeof *b->name);
    b->length = rcr_calloc(room, sizeof *b->length);
    b->crystal = rcr_calloc(room, sizeof(rcr_crystal *));
    if (b->text == NULL || b->name == NULL || b->length == NULL || b->crystal == NULL)
        status = rcr_fail_memory(err, "reading files");
    for (size_t i = 0; i < n && b->n_files < room && status == RCR_OK; i++) {
        if (!rcr_ends_with(names[i], ".cif")) continue;
        size_t at = b->n_files;
        status = rcr_folder_read(&b->text[at], &b->length[at], folder, names[i], err);
        if (status != RCR_OK) break;
        b->n_files++;
        if ((b->name[at] = rcr_strdup(names[i])) == NULL) status = rcr_fail_memory(err, "reading files");
        rcr_graph *graph;
        if (rcr_structure_parse(&b->crystal[at], names[i], b->text[at], b->length[at], NULL) == RCR_OK &&
            rcr_graph_build(&graph, b->crystal[at], &b->dataset->graph_options, NULL) == RCR_OK) {
            b->file_edges += graph->n_edges;
            rcr_graph_free(graph);
        }
    }
    rcr_folder_free(folder);
    return status;
}

/* A batch of graphs spread evenly over the dataset, and a fresh model for them. */
static rcr_status load_batch(bench *b, rcr_error *err) {
    size_t n = b->dataset->n < (size_t)b->batch_size ? b->dataset->n : (size_t)b->batch_size;
    b->graph = rcr_calloc(n, sizeof(rcr_graph *));
    b->value = rcr_calloc(n, sizeof *b->value);
    if (b->graph == NULL || b->value == NULL) return rcr_fail_memory(err, "making a batch");
    for (size_t i = 0; i < n; i++) {
        rcr_status status = rcr_dataset_graph(&b->graph[i], b->dataset, i * b->dataset->n / n, err);
        if (status != RCR_OK) return status;
        b->n_graphs++;
        b->n_edges += b->graph[i]->n_edges;
    }
    rcr_model_options options = rcr_model_options_default();
    options.architecture = b->architecture == 0 ? RCR_SR_CGCNN : RCR_CGCNN;
    rcr_element_table *cgcnn = NULL;
    rcr_status status = b->dataset->elements == NULL ? rcr_element_table_cgcnn(&cgcnn, err) : RCR_OK;
    if (status == RCR_OK)
        status = rcr_model_create(&b->model, &options, &b->dataset->graph_options,
                                  cgcnn != NULL ? cgcnn : b->dataset->elements, 1, err);
    rcr_element_table_free(cgcnn);
    return status;
}

/* ---- networks */

static void drop_network(bench *b) {
    if (b->net == NULL) return;
    rcr_real *owned[] = {b->m, b->v, b->loss, b->dout, b->target};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        if (owned[i] != NULL) b->kernels->mem_free(owned[i]);
    b->m = b->v = b->loss = b->dout = b->target = NULL;
    rcr_tape_free(b->tape);
    b->tape = NULL;
    rcr_exec_release(&b->exec);
    rcr_net_free(b->net);
    b->net = NULL;
}

static rcr_status make_network(bench *b, rcr_error *err) {
    const rcr_kernels *k = b->kernels;
    rcr_status status = rcr_net_create(&b->net, b->model, k, err);
    if (status == RCR_OK) status = rcr_tape_create(&b->tape, b->net, RCR_TAPE_TRAINING, err);
    if (status == RCR_OK) status = rcr_exec_init(&b->exec, k, b->pool, err);
    b->batch.fold = 1;
    if (status == RCR_OK) status = rcr_batch_fill(&b->batch, (const rcr_graph *const *)b->graph, b->n_graphs, err);
    if (status == RCR_OK) status = rcr_tape_reserve(b->tape, &b->exec, b->net, &b->batch, err);
    if (status != RCR_OK) return status;
    size_t n = rcr_net_n_parameters(b->net), C = (size_t)b->n_graphs;
    b->m = k->mem_alloc(n);
    b->v = k->mem_alloc(n);
    b->loss = k->mem_alloc(1);
    b->dout = k->mem_alloc(C);
    b->target = k->mem_alloc(C);
    if (b->m == NULL || b->v == NULL || b->loss == NULL || b->dout == NULL || b->target == NULL)
        return rcr_fail_memory(err, "making a network");
    rcr_net_refresh(b->net, &b->exec);
    return RCR_OK;
}

/* Rows of the network with these kernels (NULL: the best) on this many threads. */
static rcr_status time_network(bench *b, const char *kernels, int threads, rcr_error *err) {
    rcr_pool_free(b->pool);
    b->pool = NULL;
    rcr_status status = rcr_kernels_choose(&b->kernels, kernels, err);
    if (status == RCR_OK) status = rcr_pool_create(&b->pool, threads, err);
    if (status == RCR_OK) status = make_network(b, err);
    if (status == RCR_OK) status = time_row(b, "forward", forward, b->kernels->name, b->n_graphs, b->n_edges, err);
    if (status == RCR_OK)
        status = time_row(b, "training step", training_step, b->kernels->name, b->n_graphs, b->n_edges, err);
    drop_network(b);
    return status;
}

/* ---- the table */

static void put_head(bench *b) {
    char count[32];
    double n = (double)b->n_graphs, atoms = 0;
    for (int32_t c = 0; c < b->n_graphs; c++) atoms += b->graph[c]->n_atoms;
    rcr_text_printf(&b->row, "data       %s: %s crystals\n", b->path,
                    rcr_format_count(count, (long long)b->dataset->n));
    rcr_text_printf(&b->row, "network    %s, %d %s, %d atom features\n", b->architecture == 0 ? "SR-CGCNN" : "CGCNN",
                    b->model->options.depth, b->architecture == 0 ? "steps" : "layers",
                    b->model->options.atom_features);
    rcr_text_printf(&b->row, "batch      %d crystals, on average %.1f atoms and %.1f edges\n", b->n_graphs, atoms / n,
                    (double)b->n_edges / n);
    rcr_text_printf(&b->row, "machine    %d cores\n\n", rcr_cpu_count());
    rcr_text_printf(&b->row, "%-15s  %-7s  %7s  %11s  %10s\n", "", "kernels", "threads", "crystals/s", "ns an edge");
}

/* Reading and graphs on this many threads. */
static rcr_status time_data(bench *b, int threads, rcr_error *err) {
    rcr_pool_free(b->pool);
    b->pool = NULL;
    rcr_status status = rcr_pool_create(&b->pool, threads, err);
    if (status == RCR_OK && b->n_files > 0) {
        status = time_row(b, "reading", parse_files, "-", (int64_t)b->n_files, b->file_edges, err);
        if (status == RCR_OK)
            status = time_row(b, "graphs", build_graphs, "-", (int64_t)b->n_files, b->file_edges, err);
    }
    int64_t edges = 0;
    for (size_t i = 0; i < b->dataset->n; i++) edges += b->dataset->sample[i].n_edges;
    if (status == RCR_OK) status = time_row(b, "data to graphs", read_whole, "-", (int64_t)b->dataset->n, edges, err);
    return status;
}

static rcr_status run(bench *b, rcr_error *err) {
    rcr_status status = RCR_OK;
    if (b->data == NULL)
        status = find_demo(b, err);
    else if ((b->path = rcr_strdup(b->data)) == NULL)
        status = rcr_fail_memory(err, "starting");
    rcr_dataset_options options = {.graph = rcr_graph_options_default()};
    if (status == RCR_OK) status = rcr_read_data(&b->dataset, b->path, &options, 0, 0, err);
    if (status == RCR_OK) status = load_batch(b, err);
    if (status == RCR_OK) status = load_files(b, err);
    if (status != RCR_OK) return status;
    put_head(b);
    int most = b->threads > 0 ? b->threads : rcr_cpu_count();
    for (int n = 1; status == RCR_OK; n = n * 2 < most ? n * 2 : most) {
        status = time_data(b, n, err);
        if (n == most) break;
    }
    for (int n = 1; status == RCR_OK; n = n * 2 < most ? n * 2 : most) {
        status = time_network(b, NULL, n, err);
        if (n == most) break;
    }
    static const char *const names[] = {"avx512", "avx2", "base", "ref"};
    const char *best = b->kernels != NULL ? b->kernels->name : "";
    for (size_t i = 0; i < sizeof names / sizeof names[0] && status == RCR_OK; i++) {
        const rcr_kernels *present;
        if (strcmp(names[i], best) != 0 && rcr_kernels_choose(&present, names[i], NULL) == RCR_OK)
            status = time_network(b, names[i], most, err);
    }
    return status;
}

static void release(bench *b) {
    drop_network(b);
    rcr_pool_free(b->pool);
    rcr_batch_release(&b->batch);
    rcr_model_free(b->model);
    for (int32_t i = 0; i < b->n_graphs; i++) rcr_graph_free(b->graph[i]);
    rcr_free(b->graph);
    rcr_free(b->value);
    for (size_t i = 0; i < b->n_files; i++) {
        rcr_free(b->text[i]);
        rcr_free(b->name[i]);
        rcr_crystal_free(b->crystal[i]);
    }
    rcr_free(b->text);
    rcr_free(b->name);
    rcr_free(b->length);
    rcr_free(b->crystal);
    rcr_dataset_free(b->dataset);
    rcr_free(b->path);
    rcr_text_free(&b->row);
}

int rcr_cmd_bench(int argc, char **argv) {
    bench b = {.batch_size = 256, .seconds = 0.5};
    rcr_arg table[] = {
        {.name = "model",
         .kind = RCR_ARG_CHOICE,
         .value_name = "sr-cgcnn|cgcnn",
         .value = &b.architecture,
         .help = "the network: three steps, or three layers"},
        {.name = "batch-size",
         .kind = RCR_ARG_INT32,
         .value_name = "N",
         .value = &b.batch_size,
         .min = 1,
         .max = 100000,
         .help = "crystals in a batch"},
        {.name = "threads",
         .kind = RCR_ARG_INT32,
         .value_name = "N",
         .value = &b.threads,
         .min = 0,
         .max = 1024,
         .help = "the most threads to try; 0: one for each core"},
        {.name = "seconds",
         .kind = RCR_ARG_DOUBLE,
         .value_name = "S",
         .value = &b.seconds,
         .min = 0,
         .max = 3600,
         .help = "time for each figure, which is a median of at least five"},
    };
    rcr_args args = {
        .command = "bench",
        .usage = "[DATA] [options]",
        .description = "Time this machine: crystals a second and nanoseconds an edge for reading files\n"
                       "in memory, building graphs, a whole dataset from disk to graphs, a forward\n"
                       "pass and a training step, for rising numbers of threads and every set of\n"
                       "kernels.\n"
                       "Without DATA: the bundled demo data.\n",
        .examples = "  recryst bench\n"
                    "  recryst bench my-data.tar.zst --batch-size 128\n"
                    "  recryst bench --model cgcnn --threads 2 --seconds 2\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (args.n_positional > 1) return rcr_cli_usage_error("bench ", "one DATA at a time, not %d", args.n_positional);
    if (args.n_positional == 1) b.data = args.positional[0];
    rcr_error err;
    rcr_status status = rcr_output_open(&b.out, NULL, &err);
    if (status == RCR_OK) status = run(&b, &err);
    if (status == RCR_OK) status = rcr_output_close(&b.out, &err);
    code = status == RCR_OK ? RCR_EXIT_OK : rcr_cli_error(&err);
    release(&b);
    return code;
}
