#include "data/split.h"
#include "data/split_units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "base/text.h"
#include "data/source.h"

/* Half-open ranges of positions in a shuffled list of rows. */
typedef struct ranges {
    int64_t train_begin, train_end, val_begin, val_end, test_begin, test_end;
} ranges;

static const char *const part_names[] = {"", "train", "val", "test"};

rcr_split_options rcr_split_options_default(void) {
    return (rcr_split_options){.kind = RCR_SPLIT_RANDOM,
                               .seed = 123,
                               .train_ratio = -1,
                               .val_ratio = 0.1,
                               .test_ratio = 0.1,
                               .train_size = -1,
                               .val_size = -1,
                               .test_size = -1};
}

void rcr_split_free(rcr_split *split) {
    if (split == NULL) return;
    rcr_free(split->train);
    rcr_free(split->val);
    rcr_free(split->test);
    memset(split, 0, sizeof *split);
}

static rcr_status fail_empty(rcr_error *err, int part, const char *why) {
    static const char *const purpose[] = {"", "train on", "choose the best model by", "judge the model by"};
    return rcr_fail(err, RCR_ERR_ARGUMENT,
                    "the %s part is empty (%s), so there is nothing to %s; give it a larger ratio or size",
                    part_names[part], why, purpose[part]);
}

/* part[i] for each of n samples -> the split; samples of each part in ascending order. */
static rcr_status collect(rcr_split *out, const uint8_t *part, size_t n, rcr_error *err) {
    size_t count[4] = {0};
    for (size_t i = 0; i < n; i++) count[part[i]]++;
    int64_t *items[4] = {NULL};
    for (int p = RCR_PART_TRAIN; p <= RCR_PART_TEST; p++) {
        items[p] = rcr_malloc(count[p], sizeof **items);
        if (items[p] == NULL) {
            for (int q = RCR_PART_TRAIN; q < p; q++) rcr_free(items[q]);
            return rcr_fail_memory(err, "splitting the data");
        }
    }
    size_t at[4] = {0};
    for (size_t i = 0; i < n; i++)
        if (part[i] != RCR_PART_NONE) items[part[i]][at[part[i]]++] = (int64_t)i;
    *out = (rcr_split){.n_train = count[RCR_PART_TRAIN],
                       .n_val = count[RCR_PART_VAL],
                       .n_test = count[RCR_PART_TEST],
                       .train = items[RCR_PART_TRAIN],
                       .val = items[RCR_PART_VAL],
                       .test = items[RCR_PART_TEST]};
    return RCR_OK;
}

/* What the kind has no use for must be the default: to pass it over would be another split than was asked for. */
static rcr_status check_uses(const rcr_split_options *o, rcr_error *err) {
    const rcr_split_options usual = rcr_split_options_default();
    int test_given = o->test_ratio != usual.test_ratio || o->test_size >= 0;
    if (o->kind != RCR_SPLIT_FILE && o->file != NULL)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "the split has a file (%.200s), but its kind is not \"file\"; give that kind, or no file",
                        o->file);
    if (o->fold != 0 && o->folds == 0)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "fold %d of none; say how many folds there are", (int)o->fold);
    if (o->folds > 0 && test_given)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "a test ratio or size doesn't go with folds, of which each has an equal test part");
    if (o->kind != RCR_SPLIT_FILE) return RCR_OK;
    if (o->group != RCR_GROUP_NONE || o->folds != 0 || o->repeat != 0)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "a split from a file has no groups, folds and repeats");
    if (test_given || o->val_ratio != usual.val_ratio || o->val_size >= 0 || o->train_ratio >= 0 || o->train_size >= 0)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "ratios and sizes don't go with a split from a file, which says itself what the parts hold");
    return RCR_OK;
}

static rcr_status check_options(const rcr_split_options *o, rcr_error *err) {
    const double ratio[] = {0, o->train_ratio, o->val_ratio, o->test_ratio};
    const int64_t size[] = {-1, o->train_size, o->val_size, o->test_size};
    double sum = 0;
    int drawn = o->kind == RCR_SPLIT_RANDOM || o->kind == RCR_SPLIT_SKLEARN;
    if (o->kind == RCR_SPLIT_SKLEARN && (o->folds == 0 || o->group != RCR_GROUP_NONE || o->seed > UINT32_MAX))
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "scikit-learn's split needs folds, no groups, and a split seed below 2^32");
    if (o->repeat < 0 || (o->repeat > 0 && o->kind == RCR_SPLIT_REFERENCE))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "repeat is %d; it counts from 0, and the reference split has one only",
                        (int)o->repeat);
    if ((o->group != RCR_GROUP_NONE || o->folds != 0) && o->kind == RCR_SPLIT_REFERENCE)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the reference split knows neither groups nor folds");
    if (o->folds != 0 && !drawn)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "folds go with the random split only, or with scikit-learn's");
    if (o->folds != 0 && (o->folds < 2 || o->fold < 0 || o->fold >= o->folds))
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "fold %d of %d: there must be two folds or more, and they count from 0, so "
                        "that the last of %d is %d",
                        (int)o->fold, (int)o->folds, (int)o->folds, (int)o->folds - 1);
    for (int p = RCR_PART_TRAIN; p <= RCR_PART_TEST; p++) {
        if (p == RCR_PART_TEST && o->folds > 0) continue; /* the fold says which rows test */
        if (size[p] == 0) return fail_empty(err, p, "its size is 0");
        if (size[p] > 0) continue;
        if (ratio[p] == 0) return fail_empty(err, p, "its ratio is 0");
        if (p == RCR_PART_TRAIN && ratio[p] < 0) continue;
        if (!(ratio[p] > 0 && ratio[p] < 1))
            return rcr_fail(err, RCR_ERR_ARGUMENT, "the %s ratio is %g; it must lie between 0 and 1", part_names[p],
                            ratio[p]);
        sum += ratio[p];
    }
    if (sum > 1 + 1e-9)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the ratios of the parts add up to %g, which is more than 1", sum);
    return RCR_OK;
}

/* Rows of a ratio: rounded down, where 0.29 * 100 counts as 29 in spite of its binary rounding. */
static int64_t rows_of(double ratio, int64_t n) { return (int64_t)floor(ratio * (double)n + 1e-9); }

/* Our own split: what is not val or test trains, unless the training part has a size or ratio of its own. */
static rcr_status random_ranges(ranges *out, const rcr_split_options *o, int64_t n, rcr_error *err) {
    int64_t test = o->folds > 0        ? (n + o->folds - 1) / o->folds
                   : o->test_size >= 0 ? o->test_size
                                       : rows_of(o->test_ratio, n);
    int64_t val = o->val_size >= 0 ? o->val_size : rows_of(o->val_ratio, n);
    int64_t train;
    if (test > n || val > n - test)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "val and test need %.0f rows, but the dataset has %lld usable ones",
                        (double)val + (double)test, (long long)n);
    if (o->train_size >= 0)
        train = o->train_size;
    else
        train = o->train_ratio >= 0 ? rows_of(o->train_ratio, n) : n - val - test;
    if (train > n - val - test)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "the parts overlap: train, val and test need %.0f rows, but the dataset has %lld usable ones",
                        (double)train + (double)val + (double)test, (long long)n);
    *out = (ranges){0, train, n - test - val, n - test, n - test, n};
    return RCR_OK;
}

/* The reference program's get_train_val_test_loader: rows [0, train), [-(val + test), -test) and [-test, end) of all n
 * rows; int() cuts ratio * n down; without a train size or ratio, train is 1 - val_ratio - test_ratio, also where val
 * and test are given by size. */
static rcr_status reference_ranges(ranges *out, const rcr_split_options *o, int64_t n, rcr_error *err) {
    double train_ratio = o->train_ratio >= 0 ? o->train_ratio : 1 - o->val_ratio - o->test_ratio;
    int64_t train = o->train_size >= 0 ? o->train_size : (int64_t)(train_ratio * (double)n);
    int64_t test = o->test_size >= 0 ? o->test_size : (int64_t)(o->test_ratio * (double)n);
    int64_t val = o->val_size >= 0 ? o->val_size : (int64_t)(o->val_ratio * (double)n);
    /* With size 0 its slices turn round: -0 is the start.  Those are errors here, not everything. */
    if (train <= 0) return fail_empty(err, RCR_PART_TRAIN, "of so few rows");
    if (val <= 0) return fail_empty(err, RCR_PART_VAL, "of so few rows");
    if (test <= 0) return fail_empty(err, RCR_PART_TEST, "of so few rows");
    if (train > n || val > n - train || test > n - train - val)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "the parts overlap: the reference split takes %lld train, %lld val and %lld test rows of %lld; "
                        "give a train size or ratio too",
                        (long long)train, (long long)val, (long long)test, (long long)n);
    *out = (ranges){0, train, n - test - val, n - test, n - test, n};
    return RCR_OK;
}

static int part_at(const ranges *r, int64_t position) {
    if (position >= r->train_begin && position < r->train_end) return RCR_PART_TRAIN;
    if (position >= r->val_begin && position < r->val_end) return RCR_PART_VAL;
    if (position >= r->test_begin && position < r->test_end) return RCR_PART_TEST;
    return RCR_PART_NONE;
}

/* order: 0 .. n-1, to be freed. */
static int64_t *identity(size_t n) {
    int64_t *order = rcr_malloc(n, sizeof *order);
    for (size_t i = 0; order != NULL && i < n; i++) order[i] = (int64_t)i;
    return order;
}

static rcr_status mark_random(uint8_t *part, const rcr_dataset *dataset, const rcr_split_options *o, rcr_error *err) {
    ranges r = {0};
    rcr_status status = random_ranges(&r, o, (int64_t)dataset->n, err);
    if (status != RCR_OK) return status;
    if (o->group != RCR_GROUP_NONE || o->folds > 0 || o->kind != RCR_SPLIT_RANDOM) {
        const int64_t wanted[] = {0, o->train_size < 0 && o->train_ratio < 0 ? -1 : r.train_end,
                                  r.val_end - r.val_begin, r.test_end - r.test_begin};
        return rcr_split_deal_units(part, dataset, o, wanted, err);
    }
    int64_t *order = identity(dataset->n);
    if (order == NULL) return rcr_fail_memory(err, "splitting the data");
    rcr_rng rng;
    rcr_rng_seed(&rng, o->seed, RCR_STREAM_SPLIT);
    for (int32_t k = 0; k <= o->repeat; k++) rcr_rng_shuffle(&rng, order, dataset->n);
    for (size_t i = 0; i < dataset->n; i++) part[order[i]] = (uint8_t)part_at(&r, (int64_t)i);
    rcr_free(order);
    return RCR_OK;
}

/* All rows of the source are shuffled and cut, as the reference program does before it opens a single file; rows that
 * could not be used then leave their part a little smaller. */
static rcr_status mark_reference(uint8_t *part, const rcr_dataset *dataset, const rcr_split_options *o,
                                 rcr_error *err) {
    ranges r = {0};
    rcr_status status = reference_ranges(&r, o, (int64_t)dataset->n_rows, err);
    if (status != RCR_OK) return status;
    int64_t *order = identity(dataset->n_rows);
    uint8_t *part_of_row = rcr_calloc(dataset->n_rows, 1);
    if (order != NULL && part_of_row != NULL) {
        rcr_cpython_shuffle(123, order, dataset->n_rows);
        for (size_t i = 0; i < dataset->n_rows; i++) part_of_row[order[i]] = (uint8_t)part_at(&r, (int64_t)i);
        for (size_t i = 0; i < dataset->n; i++) part[i] = part_of_row[dataset->sample[i].row];
    } else {
        status = rcr_fail_memory(err, "splitting the data");
    }
    rcr_free(order);
    rcr_free(part_of_row);
    return status;
}

/* The test part of scikit-learn's KFold: the first n mod k folds have a row more than the others. */
static rcr_status mark_sklearn(uint8_t *part, const rcr_dataset *dataset, const rcr_split_options *o, rcr_error *err) {
    ranges r = {0};
    rcr_status status = random_ranges(&r, o, (int64_t)dataset->n, err);
    if (status != RCR_OK) return status;
    int64_t n = (int64_t)dataset->n_rows, k = o->folds, f = o->fold;
    if (k > n)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "%lld folds can't be made of %lld rows", (long long)k, (long long)n);
    int64_t begin = f * (n / k) + (f < n % k ? f : n % k), end = begin + n / k + (f < n % k);
    int64_t *row = identity(dataset->n_rows), *rest = rcr_malloc(dataset->n, sizeof *rest);
    uint8_t *tests = rcr_calloc(dataset->n_rows, 1);
    if (row != NULL && rest != NULL && tests != NULL) {
        rcr_numpy_shuffle((uint32_t)o->seed, o->repeat, row, dataset->n_rows);
        for (int64_t i = begin; i < end; i++) tests[row[i]] = 1;
        size_t n_rest = 0;
        for (size_t i = 0; i < dataset->n; i++)
            if (tests[dataset->sample[i].row])
                part[i] = RCR_PART_TEST;
            else
                rest[n_rest++] = (int64_t)i;
        rcr_rng rng;
        rcr_rng_seed(&rng, o->seed, RCR_STREAM_SPLIT);
        for (int32_t i = 0; i <= o->repeat; i++) rcr_rng_shuffle(&rng, rest, n_rest);
        size_t n_val = (size_t)(r.val_end - r.val_begin), n_train = (size_t)r.train_end;
        if (o->train_size < 0 && o->train_ratio < 0) n_train = dataset->n;
        for (size_t i = 0; i < n_rest; i++)
            if (i < n_val)
                part[rest[i]] = RCR_PART_VAL;
            else if (i - n_val < n_train)
                part[rest[i]] = RCR_PART_TRAIN;
    } else {
        status = rcr_fail_memory(err, "splitting the data");
    }
    rcr_free(row);
    rcr_free(rest);
    rcr_free(tests);
    return status;
}

/* ---- a split given in a file */

typedef struct named {
    const char *id;
    int64_t sample; /* -1: a row that could not be used */
    int seen;
} named;

static int by_id(const void *a, const void *b) { return strcmp(((const named *)a)->id, ((const named *)b)->id); }

/* All ids of the dataset, sorted, usable or not.  NULL when out of memory. */
static named *sorted_ids(const rcr_dataset *dataset, size_t *n) {
    named *names = rcr_calloc(dataset->n + dataset->n_bad, sizeof *names);
    if (names == NULL) return NULL;
    *n = 0;
    for (size_t i = 0; i < dataset->n; i++) names[(*n)++] = (named){dataset->sample[i].id, (int64_t)i, 0};
    for (size_t i = 0; i < dataset->n_bad; i++) names[(*n)++] = (named){dataset->bad[i].id, -1, 0};
    if (*n > 0) qsort(names, *n, sizeof *names, by_id);
    return names;
}

static named *find_id(named *names, size_t n, const char *id) {
    named wanted = {.id = id};
    named *found = n > 0 ? bsearch(&wanted, names, n, sizeof *names, by_id) : NULL;
    if (found == NULL) return NULL;
    /* A duplicate row is a bad row of the same id: take the usable one. */
    while (found > names && strcmp(found[-1].id, id) == 0) found--;
    for (named *other = found; other < names + n && strcmp(other->id, id) == 0; other++)
        if (other->sample >= 0) return other;
    return found;
}

static int part_from_name(const char *name) {
    size_t length = strlen(name);
    for (int p = RCR_PART_TRAIN; p <= RCR_PART_TEST; p++)
        if (rcr_equals_ignore_case(name, length, part_names[p])) return p;
    return rcr_equals_ignore_case(name, length, "validation") ? RCR_PART_VAL : RCR_PART_NONE;
}

static rcr_status mark_line(uint8_t *part, named *names, size_t n, const rcr_csv_row *row, size_t id_column,
                            size_t part_column, const char *file, rcr_error *err) {
    if (row->n_fields <= id_column || row->n_fields <= part_column)
        return rcr_fail_at(err, RCR_ERR_DATA, file, row->line, "expected an id and a part");
    const char *id = row->field[id_column];
    int p = part_from_name(row->field[part_column]);
    if (p == RCR_PART_NONE)
        return rcr_fail_at(err, RCR_ERR_DATA, file, row->line, "the part is \"%.40s\"; it must be train, val or test",
                           row->field[part_column]);
    named *name = find_id(names, n, id);
    if (name == NULL)
        return rcr_fail_at(err, RCR_ERR_DATA, file, row->line, "the dataset has no row with the id \"%.100s\"", id);
    if (name->seen)
        return rcr_fail_at(err, RCR_ERR_DATA, file, row->line,
                           "the id \"%.100s\" is listed twice; the parts must not overlap", id);
    name->seen = 1;
    if (name->sample >= 0) part[name->sample] = (uint8_t)p;
    return RCR_OK;
}

static rcr_status mark_lines(uint8_t *part, const rcr_dataset *dataset, const rcr_csv *csv, const char *file,
                             rcr_error *err) {
    size_t id_column = SIZE_MAX, part_column = SIZE_MAX;
    for (size_t k = 0; csv->n_rows > 0 && k < csv->row[0].n_fields; k++) {
        const char *name = csv->row[0].field[k];
        if (rcr_equals_ignore_case(name, strlen(name), "id")) id_column = k;
        if (rcr_equals_ignore_case(name, strlen(name), "part")) part_column = k;
    }
    if (id_column == SIZE_MAX || part_column == SIZE_MAX)
        return rcr_fail_at(err, RCR_ERR_DATA, file, 1, "the first line must name the columns \"id\" and \"part\"");
    size_t n;
    named *names = sorted_ids(dataset, &n);
    if (names == NULL) return rcr_fail_memory(err, "splitting the data");
    rcr_status status = RCR_OK;
    for (size_t i = 1; i < csv->n_rows && status == RCR_OK; i++)
        status = mark_line(part, names, n, &csv->row[i], id_column, part_column, file, err);
    rcr_free(names);
    return status;
}

static rcr_status mark_file(uint8_t *part, const rcr_dataset *dataset, const char *file, rcr_error *err) {
    char *text;
    size_t length;
    rcr_csv *csv;
    if (file == NULL) return rcr_fail(err, RCR_ERR_ARGUMENT, "no split file was given");
    if (!rcr_path_exists(file)) /* a misspelt kind is taken for a file */
        return rcr_fail_at(err, RCR_ERR_IO, file, 0,
                           "there is no such file of a split, and no such kind: random, reference, highest, lowest and "
                           "sklearn are the kinds");
    rcr_status status = rcr_file_read(&text, &length, file, (size_t)1 << 30, err);
    if (status != RCR_OK) return status;
    status = rcr_source_parse_table(&csv, text, length, file, err);
    if (status != RCR_OK) return status;
    status = mark_lines(part, dataset, csv, file, err);
    rcr_csv_free(csv);
    return status;
}

/* No part may be empty in the end: unusable rows can empty one that had rows. */
static rcr_status check_parts(const rcr_split *split, const rcr_split_options *o, rcr_error *err) {
    const size_t n[] = {1, split->n_train, split->n_val, split->n_test};
    for (int p = RCR_PART_TRAIN; p <= RCR_PART_TEST; p++) {
        if (n[p] > 0) continue;
        if (o->kind == RCR_SPLIT_FILE)
            return rcr_fail_at(err, RCR_ERR_DATA, o->file, 0, "the %s part is empty: no usable row belongs to it",
                               part_names[p]);
        return fail_empty(err, p, "of so few usable rows");
    }
    return RCR_OK;
}

rcr_status rcr_split_make(rcr_split *out, const rcr_dataset *dataset, const rcr_split_options *options,
                          rcr_error *err) {
    rcr_status status = options->kind != RCR_SPLIT_FILE ? check_options(options, err) : RCR_OK;
    if (status == RCR_OK) status = check_uses(options, err);
    if (status != RCR_OK) return status;
    uint8_t *part = rcr_calloc(dataset->n, 1);
    if (part == NULL) return rcr_fail_memory(err, "splitting the data");
    switch (options->kind) {
    case RCR_SPLIT_RANDOM:
    case RCR_SPLIT_HIGHEST:
    case RCR_SPLIT_LOWEST: status = mark_random(part, dataset, options, err); break;
    case RCR_SPLIT_SKLEARN: status = mark_sklearn(part, dataset, options, err); break;
    case RCR_SPLIT_REFERENCE: status = mark_reference(part, dataset, options, err); break;
    case RCR_SPLIT_FILE: status = mark_file(part, dataset, options->file, err); break;
    }
    rcr_split split = {0};
    if (status == RCR_OK) status = collect(&split, part, dataset->n, err);
    rcr_free(part);
    if (status == RCR_OK) status = check_parts(&split, options, err);
    if (status == RCR_OK)
        *out = split;
    else
        rcr_split_free(&split);
    return status;
}
