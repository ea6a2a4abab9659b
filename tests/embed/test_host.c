/* A program that uses the library finds itself as it was: locale, floating-point state, signals, output, folder,
 * environment, descriptors.  And what it is set to changes no answer. */
#define _GNU_SOURCE
#include "embed/exercise.h"

#include "data/prepare.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

extern char **environ;

/* ---- floating-point state */

static void answers_do_not_depend_on_the_hosts_rounding(void **state) {
    (void)state;
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    inputs in = make_inputs();
    rcr_text expected = exercise(&in, 3);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(fesetround(modes[i]), 0);
        rcr_text got = exercise(&in, 3);
        int after = fegetround();
        fesetround(FE_TONEAREST);
        assert_int_equal(after, modes[i]);
        expect_same_text(&expected, &got, "rounding mode");
        rcr_text_free(&got);
    }
    rcr_text_free(&expected);
    free_inputs(&in);
}

/* What valgrind's processor and kernel do not have (tools/valgrind.sh sets the variable). */
static void skip_under_valgrind(const char *what) {
    if (getenv("RECRYST_VALGRIND") == NULL) return;
    print_message("SKIPPED: valgrind does not keep %s\n", what);
    skip();
}

/* What a host linked with -ffast-math has: results below 1e-38 (1e-308) become 0, such operands count as 0. */
static void answers_do_not_depend_on_flushing(void **state) {
    (void)state;
#if defined(__x86_64__)
    skip_under_valgrind("flushing");
    inputs in = make_inputs();
    rcr_text expected = exercise(&in, 2);
    unsigned before = _mm_getcsr();
    _mm_setcsr((before & ~0x3fu) | 0x8040u);
    rcr_text got = exercise(&in, 2);
    unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    /* The status flags that inexact results of the test itself raise are not looked at. */
    assert_int_equal(after & ~0x3fu, (before & ~0x3fu) | 0x8040u);
    expect_same_text(&expected, &got, "flushed to zero");
    rcr_text_free(&expected);
    rcr_text_free(&got);
    free_inputs(&in);
#else
    skip();
#endif
}

/* A host that stops at invalid operations, divisions by zero and overflows, as Fortran programs are built to. */
static void the_hosts_traps_and_flags_are_left_alone(void **state) {
    (void)state;
    skip_under_valgrind("traps and flags of exceptions");
    rcr_crystal *crystal[N_CRYSTALS];
    double values[N_CRYSTALS], plain[N_CRYSTALS];
    rcr_error err;
    rcr_model *model = make_model(&model_variants[0], 3);
    make_crystals(crystal);
    must(rcr_model_predict(plain, NULL, model, (const rcr_crystal *const *)crystal, N_CRYSTALS, 2, &err), &err);
    crystal[5]->lattice[1][1] = NAN;
    crystal[6]->lattice[1][1] = 1e200; /* whose square overflows */
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(FE_UNDERFLOW);
    feenableexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW);
    rcr_status done = rcr_model_predict(values, NULL, model, (const rcr_crystal *const *)crystal, N_CRYSTALS, 2, &err);
    int flags = fetestexcept(FE_ALL_EXCEPT), traps = fegetexcept();
    fedisableexcept(FE_ALL_EXCEPT);
    must(done, &err);
    assert_int_equal(flags, FE_UNDERFLOW);
    assert_int_equal(traps, FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW);
    for (int i = 0; i < N_CRYSTALS; i++)
        if (i != 5 && i != 6) assert_true(values[i] == plain[i]);
    assert_true(isnan(values[5]) && isnan(values[6]));
    rcr_model_free(model);
    free_crystals(crystal);
}

/* ---- locale */

static int make_locale(const test_folder *dir) {
    char command[1024];
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' >/dev/null 2>&1", dir->path);
    int code = system(command);
    (void)code; /* warnings are a status too; setlocale tells */
    setenv("LOCPATH", dir->path, 1);
    return setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
}

static void a_decimal_comma_changes_nothing(void **state) {
    (void)state;
    inputs in = make_inputs();
    rcr_text expected = exercise(&in, 2);
    test_folder dir = folder_make();
    if (!make_locale(&dir)) {
        folder_remove(&dir);
        rcr_text_free(&expected);
        free_inputs(&in);
        if (getenv("CI") != NULL) fail_msg("no locale de_DE.UTF-8 and none could be made (package locales)");
        print_message("SKIPPED: no locale de_DE.UTF-8, and localedef can't make it (package locales)\n");
        skip();
    }
    char text[32];
    snprintf(text, sizeof text, "%.1f", 1.5);
    assert_string_equal(text, "1,5"); /* it is in force */
    rcr_text got = exercise(&in, 2);
    char *after = setlocale(LC_ALL, NULL);
    assert_string_equal(after, "de_DE.UTF-8");
    setlocale(LC_ALL, "C");
    unsetenv("LOCPATH");
    expect_same_text(&expected, &got, "de_DE");
    rcr_text_free(&expected);
    rcr_text_free(&got);
    free_inputs(&in);
    folder_remove(&dir);
}

/* ---- signals, output, folder, environment, mask of new files */

static void on_signal(int number) { (void)number; }

typedef struct host_state {
    struct sigaction action[NSIG];
    sigset_t mask;
    char folder[4096];
    mode_t umask;
    char **environment;
    size_t n_environment;
} host_state;

static void look(host_state *h) {
    memset(h, 0, sizeof *h);
    for (int i = 1; i < NSIG; i++) sigaction(i, NULL, &h->action[i]);
    pthread_sigmask(SIG_BLOCK, NULL, &h->mask);
    assert_non_null(getcwd(h->folder, sizeof h->folder));
    h->umask = umask(0);
    umask(h->umask);
    while (environ[h->n_environment] != NULL) h->n_environment++;
    h->environment = calloc(h->n_environment, sizeof *h->environment);
    assert_non_null(h->environment);
    for (size_t i = 0; i < h->n_environment; i++) h->environment[i] = strdup(environ[i]);
}

static void release_look(host_state *h) {
    for (size_t i = 0; i < h->n_environment; i++) free(h->environment[i]);
    free(h->environment);
}

static void the_process_is_left_as_it_was(void **state) {
    (void)state;
    test_folder dir = folder_make();
    static host_state before, after;
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t usr2, own;
    sigaction(SIGUSR1, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &usr2, &own); /* whatever the tests before have left blocked */
    mode_t mask = umask(0137);
    look(&before);
    /* Standard output and error go to files, which stay empty. */
    fflush(NULL);
    int keep[2], file[2];
    for (int i = 0; i < 2; i++) {
        keep[i] = dup(1 + i);
        file[i] = open(folder_path(&dir, i == 0 ? "out" : "err"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(file[i], 1 + i);
    }
    inputs in = make_inputs();
    rcr_text said = exercise(&in, 3);
    fflush(NULL);
    struct stat info[2];
    for (int i = 0; i < 2; i++) {
        dup2(keep[i], 1 + i);
        fstat(file[i], &info[i]);
        close(file[i]);
        close(keep[i]);
    }
    rcr_text_free(&said);
    free_inputs(&in);
    look(&after);
    umask(mask);
    assert_int_equal(info[0].st_size, 0);
    assert_int_equal(info[1].st_size, 0);
    for (int i = 1; i < NSIG; i++) {
        assert_true(before.action[i].sa_handler == after.action[i].sa_handler);
        assert_int_equal(before.action[i].sa_flags, after.action[i].sa_flags);
        assert_int_equal(sigismember(&before.mask, i), sigismember(&after.mask, i));
    }
    assert_string_equal(before.folder, after.folder);
    assert_int_equal(before.umask, after.umask);
    assert_int_equal(before.n_environment, after.n_environment);
    for (size_t i = 0; i < before.n_environment; i++) assert_string_equal(before.environment[i], after.environment[i]);
    release_look(&before);
    release_look(&after);
    pthread_sigmask(SIG_SETMASK, &own, NULL);
    folder_remove(&dir);
}

static void files_are_made_with_the_hosts_mask(void **state) {
    (void)state;
    test_folder dir = folder_make();
    rcr_model *model = make_model(&model_variants[0], 3);
    rcr_error err;
    struct stat info;
    mode_t mask = umask(0137);
    rcr_status done = rcr_model_save(model, folder_path(&dir, "m.safetensors"), &err);
    umask(mask);
    must(done, &err);
    assert_int_equal(stat(folder_path(&dir, "m.safetensors"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    rcr_model_free(model);
    folder_remove(&dir);
}

/* The signals that thread `id` of this process blocks, as a mask; 0 when there is no such thread. */
static unsigned long long blocked_by(const char *id) {
    char path[300], line[256];
    unsigned long long blocked = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", id);
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "SigBlk:", 7) == 0) blocked = strtoull(line + 7, NULL, 16);
    fclose(file);
    return blocked;
}

static int blocks(unsigned long long mask, int number) { return (int)(mask >> (number - 1) & 1); }

/* Signals that a process is sent go to the host's threads alone. */
static void the_librarys_threads_take_no_signals(void **state) {
    (void)state;
    skip_under_valgrind("the masks of threads as they set them");
    static const int theirs[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGALRM, SIGCHLD, SIGPIPE, SIGWINCH};
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPROF};
    inputs in = make_inputs();
    rcr_session *session;
    rcr_error err;
    double values[N_CRYSTALS];
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL) skip();
    must(rcr_session_create(&session, in.model, NULL, 4, &err), &err);
    must(rcr_session_predict(values, NULL, session, (const rcr_crystal *const *)in.crystal, N_CRYSTALS, NULL, &err),
         &err);
    int n_threads = 0;
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid()) continue;
        unsigned long long mask = blocked_by(entry->d_name);
        /* The C library blocks everything while a thread starts. */
        for (int i = 0; i < 500 && blocks(mask, SIGSEGV); i++) {
            usleep(10000);
            mask = blocked_by(entry->d_name);
        }
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
        if (!blocks(mask, SIGINT) || blocks(mask, SIGSEGV)) continue; /* the sanitizer's own thread */
#endif
        n_threads++;
        for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++) assert_true(blocks(mask, theirs[i]));
        for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) assert_false(blocks(mask, own[i]));
    }
    closedir(tasks);
    assert_int_equal(n_threads, 3);
    rcr_session_free(session);
    free_inputs(&in);
}

/* ---- descriptors */

static int count_descriptors(void) {
    int n = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) return -1;
    while (readdir(folder) != NULL) n++;
    closedir(folder);
    return n;
}

/* Whatever can't be read leaves no descriptor behind either. */
static void fail_at_everything(const test_folder *dir) {
    static const char *const names[] = {"missing", "pipe", ".", "bad.cif", "bad.tar", "bad.mdb", "/dev/zero", "bad.db"};
    rcr_error err;
    folder_write(dir, "bad.cif", "data_x\nloop_\n_a\n'");
    folder_write(dir, "bad.tar", "PK\003\004 not an archive");
    folder_write(dir, "bad.mdb", "not a database");
    folder_write(dir, "bad.db", "SQLite format 3");
    mkfifo(folder_path(dir, "pipe"), 0600);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *path = names[i][0] == '/' ? names[i] : folder_path(dir, names[i]);
        rcr_crystal *crystal = NULL;
        rcr_model *model = NULL;
        rcr_dataset *dataset = NULL;
        assert_int_not_equal(rcr_crystal_read(&crystal, path, &err), RCR_OK);
        assert_int_not_equal(rcr_model_load(&model, path, &err), RCR_OK);
        assert_int_not_equal(rcr_model_import(&model, path, NULL, &err), RCR_OK);
        assert_int_not_equal(rcr_dataset_open(&dataset, path, "x", 1, NULL, NULL, 2, &err), RCR_OK);
        assert_true(crystal == NULL && model == NULL && dataset == NULL);
    }
}

/* A store, whole and cut off. */
static void make_stores(const test_folder *dir) {
    rcr_prepare_options options = {.graph = rcr_graph_options_default()};
    rcr_prepare_result result;
    rcr_error err;
    folder_write(dir, "one.extxyz",
                 "1\nLattice=\"4 0 0 0 4 0 0 0 4\" Properties=species:S:1:pos:R:3 gap=1\nCu 0 0 0\n");
    must(rcr_prepare(&result, folder_path(dir, "one.extxyz"), folder_path(dir, "whole.rcr"), &options, &err), &err);
    must(rcr_prepare(&result, folder_path(dir, "one.extxyz"), folder_path(dir, "cut.rcr"), &options, &err), &err);
    assert_int_equal(truncate(folder_path(dir, "cut.rcr"), 8192), 0);
}

static void open_stores(const test_folder *dir) {
    rcr_graph_options options = rcr_graph_options_default();
    rcr_dataset *dataset = NULL;
    rcr_error err;
    assert_int_not_equal(rcr_dataset_open(&dataset, folder_path(dir, "cut.rcr"), "gap", 1, &options, NULL, 2, &err),
                         RCR_OK);
    assert_null(dataset);
    must(rcr_dataset_open(&dataset, folder_path(dir, "whole.rcr"), "gap", 1, &options, NULL, 2, &err), &err);
    rcr_dataset_free(dataset);
}

static void no_descriptor_is_left_open(void **state) {
    (void)state;
    test_folder dir = folder_make();
    inputs in = make_inputs();
    rcr_text said = exercise(&in, 2); /* what is opened once, such as libarchive, is open now */
    rcr_text_free(&said);
    make_stores(&dir);
    open_stores(&dir);
    fail_at_everything(&dir);
    int before = count_descriptors();
    if (before < 0) skip();
    for (int i = 0; i < 3; i++) {
        said = exercise(&in, 2);
        rcr_text_free(&said);
        open_stores(&dir);
        fail_at_everything(&dir);
    }
    assert_int_equal(count_descriptors(), before);
    free_inputs(&in);
    folder_remove(&dir);
}

/* ---- fork */

/* A child of a host that has used the library, and has threads of it waiting, uses it anew. */
static void a_child_can_use_it_too(void **state) {
    (void)state;
#if defined(__SANITIZE_THREAD__)
    skip(); /* the sanitizer gives no threads to a child */
#endif
    rcr_crystal *crystal[N_CRYSTALS];
    const rcr_crystal *const *all = (const rcr_crystal *const *)crystal;
    double values[N_CRYSTALS], again[N_CRYSTALS];
    rcr_session *session;
    rcr_error err;
    rcr_model *model = make_model(&model_variants[0], 3);
    make_crystals(crystal);
    must(rcr_session_create(&session, model, NULL, 3, &err), &err);
    must(rcr_session_predict(values, NULL, session, all, N_CRYSTALS, NULL, &err), &err);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(120);
        rcr_session *own = NULL;
        int wrong = rcr_session_create(&own, model, NULL, 3, &err) != RCR_OK ||
                    rcr_session_predict(again, NULL, own, all, N_CRYSTALS, NULL, &err) != RCR_OK ||
                    memcmp(values, again, sizeof values) != 0;
        rcr_session_free(own);
        if (!wrong)
            wrong = rcr_model_predict(again, NULL, model, all, N_CRYSTALS, 2, &err) != RCR_OK ||
                    memcmp(values, again, sizeof values) != 0;
        _exit(wrong);
    }
    int status;
    must(rcr_session_predict(again, NULL, session, all, N_CRYSTALS, NULL, &err), &err);
    assert_memory_equal(values, again, sizeof values);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    rcr_session_free(session);
    rcr_model_free(model);
    free_crystals(crystal);
}

/* ---- as a plug-in */

/* The shared library opened, used and closed twice; what it answers is what the program's own copy answers. */
static void it_can_be_loaded_and_unloaded(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* the sanitizers' tables do not forget a library that is gone */
#endif
    char path[4096];
    snprintf(path, sizeof path, "%s/librecryst.so", getenv("RECRYST_BUILD"));
    rcr_crystal *crystal[N_CRYSTALS];
    double values[N_CRYSTALS], plain[N_CRYSTALS];
    char *bytes;
    size_t length;
    rcr_error err;
    rcr_model *model = make_model(&model_variants[0], 3), *loaded;
    make_crystals(crystal);
    must(rcr_model_predict(plain, NULL, model, (const rcr_crystal *const *)crystal, N_CRYSTALS, 2, &err), &err);
    must(rcr_model_pack(&bytes, &length, model, &err), &err);
    size_t at_first = 0;
    for (int round = 0; round < 6; round++) {
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (library == NULL) fail_msg("%s", dlerror());
        rcr_status (*parse)(rcr_model **, const void *, size_t, rcr_error *);
        rcr_status (*predict)(double *, rcr_status *, const rcr_model *, const rcr_crystal *const *, size_t, int,
                              rcr_error *);
        void (*release)(rcr_model *);
        *(void **)&parse = dlsym(library, "rcr_model_parse");
        *(void **)&predict = dlsym(library, "rcr_model_predict");
        *(void **)&release = dlsym(library, "rcr_model_free");
        assert_true(parse != NULL && predict != NULL && release != NULL);
        assert_true((void *)(size_t)parse != (void *)(size_t)rcr_model_parse);
        must(parse(&loaded, bytes, length, &err), &err);
        must(predict(values, NULL, loaded, (const rcr_crystal *const *)crystal, N_CRYSTALS, 3, &err), &err);
        release(loaded);
        assert_int_equal(dlclose(library), 0);
        assert_memory_equal(values, plain, sizeof values);
        /* The loader keeps a little of its own. */
        size_t held = mallinfo2().uordblks;
        if (round == 1) at_first = held;
        if (round > 1 && held > at_first + 20000) fail_msg("%zu bytes are left behind", held - at_first);
    }
    rcr_free(bytes);
    rcr_model_free(model);
    free_crystals(crystal);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_do_not_depend_on_the_hosts_rounding),
        cmocka_unit_test(answers_do_not_depend_on_flushing),
        cmocka_unit_test(the_hosts_traps_and_flags_are_left_alone),
        cmocka_unit_test(a_decimal_comma_changes_nothing),
        cmocka_unit_test(the_process_is_left_as_it_was),
        cmocka_unit_test(files_are_made_with_the_hosts_mask),
        cmocka_unit_test(the_librarys_threads_take_no_signals),
        cmocka_unit_test(no_descriptor_is_left_open),
        cmocka_unit_test(a_child_can_use_it_too),
        cmocka_unit_test(it_can_be_loaded_and_unloaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
