#include "data/split_units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"

/* What rows of one unit have in common: the number of atoms of each element, in lowest terms, or 1 for each that
 * occurs.  Where sites are disordered, those of the smallest formula that the sums of occupancies are multiples of. */
typedef struct unit_key {
    int64_t count[RCR_MAX_ATOMIC_NUMBER + 1];
} unit_key;

typedef struct keyed {
    unit_key *key;
    int64_t sample;
} keyed;

/* Rows sample[begin .. end) belong together; ascending, so that sample[begin] is the first of them. */
typedef struct unit {
    size_t begin, end;
    int64_t first; /* sample[begin] */
} unit;

typedef struct units {
    int64_t *sample; /* [n_samples] */
    unit *unit;      /* [n] */
    size_t n;
} units;

static void release(units *u) {
    rcr_free(u->sample);
    rcr_free(u->unit);
}

static int64_t gcd(int64_t a, int64_t b) {
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* n whole numbers of which the shares are, nearly: of the smallest formula in which no element is off by more than
 * about 0.0015 of an atom (0.333, 0.3333 and 1/3 are one), else of 2^14 atoms.  No decimal lies at these bounds, so
 * that the last bits of a sum don't decide. */
static void find_formula(int64_t *count, const double *share, int n) {
    enum { MOST_ATOMS = 2048, MANY_ATOMS = 1 << 14 };
    const double near = 3.0 / 2048;
    for (int atoms = 1; atoms <= MOST_ATOMS; atoms++) {
        int k = 0;
        for (; k < n; k++) {
            count[k] = (int64_t)nearbyint(atoms * share[k]);
            if (count[k] == 0 || fabs(atoms * share[k] - (double)count[k]) >= near) break;
        }
        if (k == n) return;
    }
    for (int k = 0; k < n; k++) {
        count[k] = (int64_t)nearbyint(MANY_ATOMS * share[k]);
        if (count[k] == 0) count[k] = 1;
    }
}

static void count_disordered(unit_key *key, const rcr_graph_view *view) {
    double amount[RCR_MAX_ATOMIC_NUMBER + 1] = {0}, share[RCR_MAX_ATOMIC_NUMBER + 1], total = 0;
    int64_t count[RCR_MAX_ATOMIC_NUMBER + 1];
    int32_t k = 0;
    int n_elements = 0;
    for (int32_t i = 0; i < view->n_atoms; i++) {
        int32_t n = rcr_graph_view_n_species(view, i);
        if (n == 0) amount[view->atomic_number[i]] += 1;
        for (int32_t end = k + n; k < end; k++) amount[view->species_number[k]] += rcr_graph_view_occupancy(view, k);
    }
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) total += amount[z];
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++)
        if (amount[z] > 0) share[n_elements++] = amount[z] / total;
    find_formula(count, share, n_elements);
    for (int z = RCR_MAX_ATOMIC_NUMBER; z > 0; z--)
        if (amount[z] > 0) key->count[z] = count[--n_elements];
}

/* The label's hash in place of counts. */
static rcr_status make_prototype_key(unit_key *key, const rcr_dataset *dataset, size_t sample, rcr_error *err) {
    const char *label = dataset->sample[sample].prototype;
    if (label == NULL)
        return rcr_fail(
            err, RCR_ERR_ARGUMENT,
            "groups by prototype need the structures, which a graph store does not keep; give the data that "
            "it was made from");
    char hex[65];
    rcr_sha256 *hash = rcr_sha256_new();
    if (hash == NULL) return rcr_fail_memory(err, "splitting the data");
    rcr_sha256_add(hash, label, strlen(label));
    rcr_sha256_finish(hash, hex);
    memset(key, 0, sizeof *key);
    memcpy(key->count, hex, 64);
    return RCR_OK;
}

static rcr_status make_key(unit_key *key, const rcr_dataset *dataset, size_t sample, rcr_split_group group,
                           rcr_error *err) {
    if (group == RCR_GROUP_PROTOTYPE) return make_prototype_key(key, dataset, sample, err);
    rcr_sample_list list = {dataset, NULL};
    rcr_graph_source source = rcr_sample_graphs(&list);
    rcr_graph_view view;
    rcr_status status = source.view(&view, source.context, sample, err);
    if (status != RCR_OK) return status;
    memset(key, 0, sizeof *key);
    if (view.n_species > 0)
        count_disordered(key, &view);
    else
        for (int32_t i = 0; i < view.n_atoms; i++) key->count[view.atomic_number[i]]++;
    int64_t divisor = 0;
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) divisor = gcd(key->count[z], divisor);
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++)
        key->count[z] = group == RCR_GROUP_CHEMICAL_SYSTEM ? key->count[z] > 0 : key->count[z] / divisor;
    return RCR_OK;
}

/* Equal keys in the order of their rows, so that the result does not depend on the sort. */
static int by_key(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    int order = memcmp(x->key, y->key, sizeof *x->key);
    return order != 0 ? order : (x->sample > y->sample) - (x->sample < y->sample);
}

/* Units in the order of their first rows: the same whatever a key looks like in memory. */
static int by_first_row(const void *a, const void *b) {
    const unit *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static rcr_status group_rows(units *u, const rcr_dataset *dataset, rcr_split_group group, rcr_error *err) {
    size_t n = dataset->n;
    keyed *row = rcr_malloc(n, sizeof *row);
    unit_key *key = rcr_malloc(n, sizeof *key);
    rcr_status status = row != NULL && key != NULL ? RCR_OK : rcr_fail_memory(err, "splitting the data");
    for (size_t i = 0; i < n && status == RCR_OK; i++) {
        row[i] = (keyed){&key[i], (int64_t)i};
        status = make_key(&key[i], dataset, i, group, err);
    }
    if (status == RCR_OK && n > 0) {
        qsort(row, n, sizeof *row, by_key);
        for (size_t i = 0; i < n; i++) {
            u->sample[i] = row[i].sample;
            if (i == 0 || memcmp(row[i].key, row[i - 1].key, sizeof *key) != 0)
                u->unit[u->n++] = (unit){i, i + 1, row[i].sample};
            else
                u->unit[u->n - 1].end = i + 1;
        }
        qsort(u->unit, u->n, sizeof *u->unit, by_first_row);
    }
    rcr_free(row);
    rcr_free(key);
    return status;
}

static rcr_status make_units(units *u, const rcr_dataset *dataset, const rcr_split_options *o, rcr_error *err) {
    size_t n = dataset->n;
    u->sample = rcr_malloc(n, sizeof *u->sample);
    u->unit = rcr_malloc(n, sizeof *u->unit);
    if (u->sample == NULL || u->unit == NULL) return rcr_fail_memory(err, "splitting the data");
    if (o->group != RCR_GROUP_NONE) return group_rows(u, dataset, o->group, err);
    for (size_t i = 0; i < n; i++) {
        u->sample[i] = (int64_t)i;
        u->unit[i] = (unit){i, i + 1, (int64_t)i};
    }
    u->n = n;
    return RCR_OK;
}

static rcr_status shuffle(units *u, const rcr_split_options *o, rcr_error *err) {
    int64_t *order = rcr_malloc(u->n, sizeof *order);
    unit *dealt = rcr_malloc(u->n, sizeof *dealt);
    if (order == NULL || dealt == NULL) {
        rcr_free(order);
        rcr_free(dealt);
        return rcr_fail_memory(err, "splitting the data");
    }
    for (size_t i = 0; i < u->n; i++) order[i] = (int64_t)i;
    rcr_rng rng;
    rcr_rng_seed(&rng, o->seed, RCR_STREAM_SPLIT);
    for (int32_t r = 0; r <= o->repeat; r++) rcr_rng_shuffle(&rng, order, u->n);
    for (size_t i = 0; i < u->n; i++) dealt[i] = u->unit[order[i]];
    rcr_free(order);
    rcr_free(u->unit);
    u->unit = dealt;
    return RCR_OK;
}

static int64_t size_of(const unit *rows) { return (int64_t)(rows->end - rows->begin); }

/* Give units from the end to `to` until it has `wanted` rows; those that have a part already are passed over. */
static void take_from_end(uint8_t *part_of_unit, const units *u, int to, int64_t wanted) {
    int64_t rows = 0;
    for (size_t i = u->n; i > 0 && rows < wanted; i--) {
        if (part_of_unit[i - 1] != RCR_PART_NONE) continue;
        part_of_unit[i - 1] = (uint8_t)to;
        rows += size_of(&u->unit[i - 1]);
    }
}

/* The fold of a unit is where the middle of its rows falls when all rows stand in a line cut into equal folds: for
 * single rows, folds differ by one row at most. */
static rcr_status take_fold(uint8_t *part_of_unit, const units *u, const rcr_split_options *o, size_t n_rows,
                            rcr_error *err) {
    if ((size_t)o->folds > u->n)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "%d folds can't be made of %zu %s", (int)o->folds, u->n,
                        o->group == RCR_GROUP_NONE ? "rows" : "groups");
    int64_t before = 0;
    for (size_t i = 0; i < u->n; i++) {
        int64_t middle2 = 2 * before + size_of(&u->unit[i]);
        if (middle2 * o->folds / (2 * (int64_t)n_rows) == o->fold) part_of_unit[i] = RCR_PART_TEST;
        before += size_of(&u->unit[i]);
    }
    return RCR_OK;
}

typedef struct ranked {
    double target;
    size_t unit;
} ranked;

/* Highest first; equal ones in the order of the units. */
static int by_target(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->target != y->target) return x->target < y->target ? 1 : -1;
    return (x->unit > y->unit) - (x->unit < y->unit);
}

/* The units with the highest (or lowest) target of any of their rows. */
static rcr_status take_extreme(uint8_t *part_of_unit, const units *u, const rcr_dataset *dataset,
                               const rcr_split_options *o, int64_t wanted, rcr_error *err) {
    double sign = o->kind == RCR_SPLIT_HIGHEST ? 1 : -1;
    ranked *order = rcr_malloc(u->n, sizeof *order);
    if (order == NULL) return rcr_fail_memory(err, "splitting the data");
    for (size_t i = 0; i < u->n; i++) {
        order[i] = (ranked){-INFINITY, i};
        for (size_t k = u->unit[i].begin; k < u->unit[i].end; k++) {
            const rcr_sample *sample = &dataset->sample[u->sample[k]];
            if (isnan(sample->target)) {
                rcr_free(order);
                return rcr_fail(err, RCR_ERR_DATA, "%.100s has no target to order it by", sample->id);
            }
            order[i].target = fmax(order[i].target, sign * sample->target);
        }
    }
    if (u->n > 0) qsort(order, u->n, sizeof *order, by_target);
    int64_t rows = 0;
    for (size_t i = 0; i < u->n && rows < wanted; i++) {
        part_of_unit[order[i].unit] = RCR_PART_TEST;
        rows += size_of(&u->unit[order[i].unit]);
    }
    rcr_free(order);
    return RCR_OK;
}

/* What val leaves trains, or as many units from the start as the training part should have. */
static void take_train(uint8_t *part_of_unit, const units *u, int64_t wanted) {
    int64_t rows = 0;
    for (size_t i = 0; i < u->n && (wanted < 0 || rows < wanted); i++) {
        if (part_of_unit[i] != RCR_PART_NONE) continue;
        part_of_unit[i] = RCR_PART_TRAIN;
        rows += size_of(&u->unit[i]);
    }
}

rcr_status rcr_split_deal_units(uint8_t *part, const rcr_dataset *dataset, const rcr_split_options *o,
                                const int64_t wanted[4], rcr_error *err) {
    units u = {0};
    uint8_t *part_of_unit = NULL;
    rcr_status status = make_units(&u, dataset, o, err);
    if (status == RCR_OK) status = shuffle(&u, o, err);
    if (status == RCR_OK) {
        part_of_unit = rcr_calloc(u.n, 1);
        if (part_of_unit == NULL) status = rcr_fail_memory(err, "splitting the data");
    }
    if (status == RCR_OK) {
        if (o->folds > 0)
            status = take_fold(part_of_unit, &u, o, dataset->n, err);
        else if (o->kind == RCR_SPLIT_RANDOM)
            take_from_end(part_of_unit, &u, RCR_PART_TEST, wanted[RCR_PART_TEST]);
        else
            status = take_extreme(part_of_unit, &u, dataset, o, wanted[RCR_PART_TEST], err);
    }
    if (status == RCR_OK) {
        take_from_end(part_of_unit, &u, RCR_PART_VAL, wanted[RCR_PART_VAL]);
        take_train(part_of_unit, &u, wanted[RCR_PART_TRAIN]);
        for (size_t i = 0; i < u.n; i++)
            for (size_t k = u.unit[i].begin; k < u.unit[i].end; k++) part[u.sample[k]] = part_of_unit[i];
    }
    rcr_free(part_of_unit);
    release(&u);
    return status;
}
