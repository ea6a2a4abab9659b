/* Prepare, train, resume, predict and fail, in turn and in one process, for as long as is asked: the results stay the
 * same bit for bit, and memory and open files do not grow.
 *
 *     soak SECONDS [FOLDER_FOR_TEMPORARY_FILES]
 *
 * Prints a line every so often, and at the end what grew.  Not a test of ctest's by itself: tests/torture/test_soak.sh
 * runs it for some seconds, `make soak SOAK_SECONDS=3600` for an hour. */
#include "train/toy.h"

#include <signal.h>
#include <time.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include "crystal/crystal.h"
#include "data/prepare.h"
#include "io/reader.h"

enum {
    N_ROWS = 60,
    N_PREDICTED = 20,
    N_STOPS = 17, /* a run is stopped after each number of batches in turn */
    MAX_SAMPLES = 1 << 16
};

typedef struct soak {
    char *folder, *data, *store, *run, *bad;
    double first[N_PREDICTED]; /* the predictions of the first round */
    char *model;               /* the model file of the first round */
    size_t model_length;
    long rounds;
} soak;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Resident memory that is not a file's, in kB, -1 where the system does not tell: how much of the program and of a
 * mapped store happens to be resident is the system's affair. */
static long resident(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kb = -1;
    while (file != NULL && kb < 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "RssAnon:", 8) == 0) kb = strtol(line + 8, NULL, 10);
    if (file != NULL) fclose(file);
    return kb;
}

/* What is allocated and not freed, bytes; 0 where the system does not tell. */
static size_t in_use(void) {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
}

static int open_files(void) {
    int n = 0;
    DIR *listing = opendir("/proc/self/fd");
    for (struct dirent *entry; listing != NULL && (entry = readdir(listing)) != NULL;) n++;
    if (listing != NULL) closedir(listing);
    return n;
}

static void check(rcr_status status, const rcr_error *err, const char *what) {
    if (status == RCR_OK) return;
    fprintf(stderr, "%s: %s: %s\n", what, err->file, err->message);
    exit(1);
}

static void fail_soak(const char *what, long round) {
    fprintf(stderr, "round %ld: %s\n", round, what);
    exit(1);
}

static void write_bad(const char *path) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) exit(1);
    fputs("data_x\n_cell_length_a 3\nloop_\n_atom_site_label\nNa 0 0\n", file);
    fclose(file);
}

static void prepare(const soak *s) {
    rcr_prepare_options options = {.graph = rcr_graph_options_default()};
    rcr_prepare_result result;
    rcr_error err = {0};
    remove(s->store);
    check(rcr_prepare(&result, s->data, s->store, &options, &err), &err, "prepare");
    if (result.n_rows != N_ROWS) fail_soak("prepare lost a row", s->rounds);
}

/* A run that is stopped somewhere and resumed; its model is that of the first round. */
static void train(soak *s) {
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.n_threads = 1 + (int)(s->rounds % 3);
    toy_stopper stop = {.batches_left = 1 + (int)(s->rounds % N_STOPS)};
    rcr_train_events events = {.context = &stop, .batch_done = toy_count_batch, .stop = &stop.stop};
    rcr_train_result result = {0};
    rcr_error err = {0};
    toy_remove(s->run, 2);
    const char *data = s->rounds % 2 ? s->store : s->data;
    rcr_status status = rcr_train(&result, data, s->run, &options, &events, &err);
    if (status != RCR_ERR_INTERRUPTED) check(status, &err, "train");
    if (status == RCR_ERR_INTERRUPTED) check(rcr_train_resume(&result, s->run, -1, NULL, &err), &err, "resume");
    char path[600], *text;
    size_t length;
    snprintf(path, sizeof path, "%s/predictions-test.csv", s->run);
    check(rcr_file_read(&text, &length, path, 1 << 24, &err), &err, "reading predictions");
    if (s->model == NULL) {
        s->model = text;
        s->model_length = length;
        return;
    }
    if (length != s->model_length || memcmp(text, s->model, length) != 0) fail_soak("training differs", s->rounds);
    rcr_free(text);
}

static void predict(soak *s) {
    char path[600];
    rcr_error err = {0};
    rcr_model *model = NULL;
    snprintf(path, sizeof path, "%s/model.safetensors", s->run);
    check(rcr_model_load(&model, path, &err), &err, "loading the model");
    for (int i = 0; i < N_PREDICTED; i++) {
        rcr_reader *reader = NULL;
        rcr_record record;
        double value = 0;
        rcr_status each = RCR_OK;
        snprintf(path, sizeof path, "%s/toy-%d.cif", s->data, i);
        check(rcr_reader_open(&reader, path, &err), &err, "reading");
        if (!rcr_reader_read(reader, &record)) fail_soak("no structure", s->rounds);
        const rcr_crystal *crystal = record.crystal;
        check(rcr_model_predict(&value, &each, model, &crystal, 1, 1 + i % 3, &err), &err, "predicting");
        if (s->rounds == 0) s->first[i] = value;
        if (memcmp(&value, &s->first[i], sizeof value) != 0) fail_soak("a prediction differs", s->rounds);
        rcr_record_release(&record);
        rcr_reader_close(reader);
    }
    rcr_model_free(model);
}

/* Errors must not leave anything behind either. */
static void fail_on_purpose(const soak *s) {
    rcr_error err = {0};
    rcr_model *model = NULL;
    rcr_reader *reader = NULL;
    rcr_record record;
    rcr_train_options options = toy_options(RCR_REGRESSION);
    rcr_train_result result;
    if (rcr_model_load(&model, s->bad, &err) == RCR_OK) fail_soak("a CIF was loaded as a model", s->rounds);
    if (rcr_reader_open(&reader, s->bad, &err) == RCR_OK) {
        while (rcr_reader_read(reader, &record)) rcr_record_release(&record);
        rcr_reader_close(reader);
    }
    options.target = "nothing";
    if (rcr_train(&result, s->data, s->bad, &options, NULL, &err) == RCR_OK)
        fail_soak("trained on a column that is not there", s->rounds);
}

/* Compares the later half of the samples with the first quarter, when everything has been in use once. */
static int grew(const char *what, const long *sample, long n, long slack) {
    long early = 0, late = 0;
    for (long i = 0; i < n / 4; i++) early = sample[i] > early ? sample[i] : early;
    for (long i = n / 2; i < n; i++) late = sample[i] > late ? sample[i] : late;
    printf("%s: at most %ld in the first quarter, %ld in the second half (%+ld; %ld are allowed)\n", what, early, late,
           late - early, slack);
    return late - early > slack;
}

/* What glibc's allocator does for speed makes both numbers depend on how the threads met, by some megabytes: it keeps
 * freed blocks of each thread and counts them as allocated, opens a further arena when two threads allocate at once,
 * and moves the size from which a block is given back to the system.  Without these, growth is ours. */
static void count_exactly(char **argv) {
    if (getenv("GLIBC_TUNABLES") != NULL) return;
    setenv("GLIBC_TUNABLES",
           "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=131072:"
           "glibc.malloc.trim_threshold=131072",
           1);
#if defined(__linux__)
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* a huge page put in for small ones looks like 2 MB of growth */
#endif
    execv("/proc/self/exe", argv);
}

int main(int argc, char **argv) {
    count_exactly(argv);
    double seconds = argc > 1 ? atof(argv[1]) : 10;
    char folder[512];
    snprintf(folder, sizeof folder, "%s/rcr-soak-XXXXXX", argc > 2 ? argv[2] : "/tmp");
    if (mkdtemp(folder) == NULL) return perror(folder), 1;
    soak s = {.folder = folder};
    s.data = toy_data(folder, N_ROWS);
    s.store = toy_path(folder, "toy.rcr");
    s.run = toy_path(folder, "run");
    s.bad = toy_path(folder, "bad.cif");
    write_bad(s.bad);
    printf("soak for %.0f s in %s\n", seconds, folder); /* takes stdout's buffer before anything is measured */
    static long memory[MAX_SAMPLES], used[MAX_SAMPLES], files[MAX_SAMPLES];
    long n = 0, every = 1;
    double since = now(), told = since;
    for (; now() - since < seconds || s.rounds < 4 * N_STOPS; s.rounds++) {
        prepare(&s);
        train(&s);
        predict(&s);
        fail_on_purpose(&s);
        if (s.rounds % every == 0) {
            memory[n] = resident();
            used[n] = (long)(in_use() / 1024);
            files[n++] = open_files();
        }
        if (n == MAX_SAMPLES) { /* every second one stays */
            for (long i = 0; i < n / 2; i++) {
                memory[i] = memory[2 * i];
                used[i] = used[2 * i];
                files[i] = files[2 * i];
            }
            n /= 2;
            every *= 2;
        }
        if (now() - told > (seconds > 600 ? 300 : 10)) {
            told = now();
            printf("%6.0f s, %ld rounds: %ld kB resident, %ld kB allocated, %d files open\n", told - since,
                   s.rounds + 1, memory[n - 1], used[n - 1], open_files());
            fflush(stdout);
        }
    }
    printf("%ld rounds of prepare, train, resume, predict and failing in %.0f s\n", s.rounds, now() - since);
    int bad = grew("kB resident", memory, n, 512) | grew("kB allocated", used, n, 0) | grew("open files", files, n, 0);
    rcr_free(s.model);
    toy_remove(folder, 2);
    while (toy_n_paths > 0) free(toy_paths[--toy_n_paths]);
    if (bad) puts("FAILED: it grows");
    return bad;
}
