/* run_corpus FOLDER_OR_FILE... [-n MUTATIONS]: run the fuzz target over files and over deterministic mutations of them.
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

static uint64_t random_state = 1;

static uint64_t draw(uint64_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % n;
}

/* An exact-size copy, so that a sanitizer sees a read past the end. */
static void run(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

/* Change, insert, delete, cut, repeat: a few at random.  room: at least 2 * size + 64 bytes. */
static size_t mutate(uint8_t *data, size_t size, size_t room) {
    static const char *const words[] = {"\"", "'", "\n", "\r\n", "0",     "-1", "99999999999", "1e999", ",", "_", ";",
                                        "#",  "{", "[",  "nan",  "loop_", "=",  "\xff",        "..",    "?", "(", " "};
    for (uint64_t n = 1 + draw(4); n > 0; n--) {
        size_t at = size > 0 ? (size_t)draw(size) : 0;
        switch (draw(6)) {
        case 0:
            if (size > 0) data[at] = (uint8_t)draw(256);
            break;
        case 1:
            if (size > 0) data[at] ^= (uint8_t)(1u << draw(8));
            break;
        case 2: {
            const char *word = words[draw(sizeof words / sizeof words[0])];
            size_t length = strlen(word);
            if (size + length > room) break;
            memmove(data + at + length, data + at, size - at);
            memcpy(data + at, word, length);
            size += length;
            break;
        }
        case 3: {
            size_t length = size > at ? (size_t)draw(size - at + 1) % 64 : 0;
            memmove(data + at, data + at + length, size - at - length);
            size -= length;
            break;
        }
        case 4:
            if (draw(8) == 0) size = at;
            break;
        default: {
            size_t length = size > at ? (size_t)draw(size - at + 1) % 256 : 0;
            if (size + length > room) break;
            memmove(data + at + length, data + at, size - at);
            size += length;
            break;
        }
        }
    }
    return size;
}

static void run_file(const char *path, long n_mutations) {
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (file == NULL || fstat(fileno(file), &info) != 0) {
        fprintf(stderr, "can't read %s\n", path);
        exit(1);
    }
    size_t size = (size_t)info.st_size, room = 2 * size + 4096;
    uint8_t *seed = malloc(size + 1), *data = malloc(room);
    if (seed == NULL || data == NULL || fread(seed, 1, size, file) != size) exit(1);
    fclose(file);
    run(seed, size);
    for (long i = 0; i < n_mutations; i++) {
        memcpy(data, seed, size);
        run(data, mutate(data, size, room));
    }
    free(seed);
    free(data);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static long run_folder(const char *path, DIR *folder, long n_mutations) {
    char *names[4096], full[4096];
    long n = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL && n < 4096;)
        if (entry->d_name[0] != '.') names[n++] = strdup(entry->d_name);
    qsort(names, (size_t)n, sizeof names[0], by_name); /* the mutations must not depend on the file system's order */
    for (long i = 0; i < n; i++) {
        snprintf(full, sizeof full, "%s/%s", path, names[i]);
        run_file(full, n_mutations);
        free(names[i]);
    }
    return n;
}

int main(int argc, char **argv) {
    long n_mutations = 2000, n_files = 0;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-n") == 0 && i + 1 < argc) n_mutations = atol(argv[i + 1]);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-n") == 0) {
            i++;
            continue;
        }
        DIR *folder = opendir(argv[i]);
        if (folder != NULL) {
            n_files += run_folder(argv[i], folder, n_mutations);
            closedir(folder);
        } else {
            run_file(argv[i], n_mutations);
            n_files++;
        }
    }
    printf("%ld seeds, %ld mutations of each\n", n_files, n_mutations);
    return n_files > 0 ? 0 : 1;
}
