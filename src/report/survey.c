#include "report/survey.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "crystal/crystal.h"
#include "crystal/formula.h"
#include "data/visit.h"
#include "io/write.h"
#include "model/model.h"
#include "report/page.h"

enum { MAX_TRACED = 2000 };

/* One of the run's rows. */
typedef struct survey_row {
    const char *id;
    char *formula;
    int32_t n_atoms, space_group;
    char symbol[16];
    int held_out;         /* 1: of validation or test */
    int keep;             /* 1: worst, 2: traced, 3: both */
    rcr_crystal *crystal; /* kept */
    /* What the run's folder has of it already; views. */
    const rcr_run_crystal *known;
    const rcr_crystal *known_crystal;
} survey_row;

typedef struct survey {
    const rcr_survey_options *options;
    size_t n;
    survey_row *row; /* [n] ordered by id */
} survey;

static int by_id(const void *a, const void *b) {
    return strcmp(((const survey_row *)a)->id, ((const survey_row *)b)->id);
}

static survey_row *find_row(const survey *s, const char *id) {
    const survey_row key = {.id = id};
    return s->n == 0 ? NULL : bsearch(&key, s->row, s->n, sizeof *s->row, by_id);
}

/* ---- which rows */

static rcr_status mark_worst(survey *s, const rcr_run_data *run, rcr_error *err) {
    size_t test = run->n_parts - 1;
    for (size_t k = 0; k < run->n_targets; k++) {
        size_t *rank, n;
        rcr_status status = rcr_run_rank(&rank, &n, run, test, k, err);
        if (status != RCR_OK) return status;
        for (size_t i = 0; i < n && i < RCR_REPORT_WORST; i++) {
            survey_row *row = find_row(s, run->part[test].id[rank[i]]);
            if (row != NULL) row->keep |= 1;
        }
        rcr_free(rank);
    }
    return RCR_OK;
}

static rcr_status list_rows(survey *s, const rcr_run_data *run, rcr_error *err) {
    size_t n = 0;
    for (size_t p = 0; p < run->n_parts; p++) n += run->part[p].n;
    s->row = rcr_calloc(n, sizeof *s->row);
    if (s->row == NULL) return rcr_fail_memory(err, "looking at the crystals of a run");
    for (size_t p = 0; p < run->n_parts; p++)
        for (size_t i = 0; i < run->part[p].n; i++) {
            const rcr_run_crystal *known = run->part[p].crystal[i];
            survey_row *row = &s->row[s->n++];
            row->id = run->part[p].id[i];
            row->held_out = p > 0;
            row->known = known;
            if (known == NULL) continue;
            row->space_group = known->space_group;
            strncpy(row->symbol, known->symbol, sizeof row->symbol - 1);
        }
    if (n > 0) qsort(s->row, n, sizeof *s->row, by_id);
    for (size_t i = 0; i < run->n_worst; i++) {
        survey_row *row = find_row(s, run->worst[i]->id);
        if (row != NULL) row->known_crystal = run->worst[i];
    }
    rcr_status status = mark_worst(s, run, err);
    if (status != RCR_OK || s->options->model == NULL) return status;
    const rcr_run_part *test = &run->part[run->n_parts - 1];
    size_t stride = (test->n + MAX_TRACED - 1) / MAX_TRACED;
    for (size_t i = 0; i < test->n; i += stride) {
        survey_row *row = find_row(s, test->id[i]);
        if (row != NULL) row->keep |= 2;
    }
    return RCR_OK;
}

/* ---- looking */

static rcr_status copy_crystal(rcr_crystal **out, const rcr_crystal *from, rcr_error *err) {
    rcr_crystal *copy;
    rcr_status status = rcr_crystal_create(&copy, from->id, from->n_sites, err);
    if (status != RCR_OK) return status;
    size_t n = (size_t)from->n_sites;
    memcpy(copy->lattice, from->lattice, sizeof copy->lattice);
    memcpy(copy->frac, from->frac, n * sizeof *copy->frac);
    memcpy(copy->atomic_number, from->atomic_number, n);
    if (from->species_offset != NULL) {
        size_t m = (size_t)from->species_offset[n];
        copy->species_offset = rcr_calloc(n + 1, sizeof *copy->species_offset);
        copy->species_number = rcr_calloc(m, sizeof *copy->species_number);
        copy->species_occupancy = rcr_calloc(m, sizeof *copy->species_occupancy);
        if (copy->species_offset == NULL || copy->species_number == NULL || copy->species_occupancy == NULL) {
            rcr_crystal_free(copy);
            return rcr_fail_memory(err, "keeping a crystal");
        }
        memcpy(copy->species_offset, from->species_offset, (n + 1) * sizeof *copy->species_offset);
        memcpy(copy->species_number, from->species_number, m);
        memcpy(copy->species_occupancy, from->species_occupancy, m * sizeof *copy->species_occupancy);
    }
    *out = copy;
    return RCR_OK;
}

/* A row whose crystal is another one than that which the run's folder knows of this id. */
static rcr_status fail_other(const survey *s, const survey_row *row, const char *formula, int32_t n_atoms,
                             rcr_error *err) {
    return rcr_fail_at(err, RCR_ERR_MISMATCH, s->options->data, 0,
                       "these are other data than the run's: %.80s is %.100s of %d atoms here, and was %.100s of %d",
                       row->id, formula, (int)n_atoms, row->known->formula, (int)row->known->n_atoms);
}

/* The run's ids are each once in the data, so no two threads come to one row. */
static rcr_status look(void *context, size_t at, const char *id, const rcr_crystal *crystal, int worker,
                       rcr_error *err) {
    survey *s = context;
    survey_row *row = find_row(s, id);
    (void)at;
    (void)worker;
    if (row == NULL) return RCR_OK;
    if (crystal == NULL) return err->status; /* it could be read when the run was made */
    double amount[RCR_MAX_ATOMIC_NUMBER + 1];
    rcr_text formula = {0};
    rcr_composition(amount, crystal);
    rcr_composition_reduce(amount);
    rcr_formula(&formula, amount);
    if (formula.failed || row->formula != NULL) {
        int failed = formula.failed;
        rcr_text_free(&formula);
        return failed ? rcr_fail_memory(err, "looking at the crystals of a run") : RCR_OK;
    }
    row->formula = formula.data;
    row->n_atoms = crystal->n_sites;
    if (row->known != NULL && (strcmp(row->known->formula, row->formula) != 0 || row->known->n_atoms != row->n_atoms))
        return fail_other(s, row, row->formula, row->n_atoms, err);
    rcr_spacegroup *group = NULL;
    if (s->options->find_group != NULL && row->held_out &&
        s->options->find_group(&group, crystal, RCR_SYMMETRY_TOLERANCE, NULL) == RCR_OK) {
        row->space_group = group->number;
        memcpy(row->symbol, group->symbol, sizeof row->symbol);
        rcr_spacegroup_free(group);
    }
    if (row->keep == 0) return RCR_OK;
    rcr_status status = copy_crystal(&row->crystal, crystal, err);
    if (status != RCR_OK) return status;
    /* The data's id, which may differ from the name that the file gives it. */
    char *name = rcr_strdup(id);
    if (name == NULL) return rcr_fail_memory(err, "keeping a crystal");
    rcr_free(row->crystal->id);
    row->crystal->id = name;
    return RCR_OK;
}

/* ---- writing */

static rcr_status write_crystals(const survey *s, const rcr_run_data *run, rcr_error *err) {
    rcr_text text = {0};
    rcr_text_puts(&text, "id,formula,atoms,space_group,symbol\n");
    for (size_t p = 0; p < run->n_parts; p++)
        for (size_t i = 0; i < run->part[p].n; i++) {
            const survey_row *row = find_row(s, run->part[p].id[i]);
            if (row == NULL || (row->formula == NULL && row->known == NULL)) continue;
            rcr_csv_write_field(&text, row->id, 1);
            rcr_csv_write_field(&text, row->formula != NULL ? row->formula : row->known->formula, 0);
            rcr_text_printf(&text, ",%d,", (int)(row->formula != NULL ? row->n_atoms : row->known->n_atoms));
            if (row->space_group > 0) rcr_text_printf(&text, "%d", (int)row->space_group);
            rcr_csv_write_field(&text, row->symbol, 0);
            rcr_text_puts(&text, "\n");
        }
    return rcr_file_write_in(run->directory, "crystals.csv", &text, err);
}

static rcr_status write_worst(const survey *s, const rcr_run_data *run, rcr_error *err) {
    rcr_text text = {0};
    rcr_text_puts(&text, "");
    rcr_status status = RCR_OK;
    for (size_t i = 0; i < s->n && status == RCR_OK; i++) {
        const rcr_crystal *crystal = s->row[i].crystal != NULL ? s->row[i].crystal : s->row[i].known_crystal;
        if (!(s->row[i].keep & 1) || crystal == NULL) continue;
        status = rcr_json_write(&text, crystal, NULL, 0, err);
        if (status == RCR_OK && (text.length == 0 || text.data[text.length - 1] != '\n')) rcr_text_puts(&text, "\n");
    }
    if (status == RCR_OK)
        return text.length > 0 ? rcr_file_write_in(run->directory, "worst-crystals.jsonl", &text, err) : RCR_OK;
    rcr_text_free(&text);
    return status;
}

/* ---- steps */

rcr_status rcr_model_shallower(rcr_model **out, const rcr_model *model, int32_t depth, rcr_error *err) {
    rcr_model_options options = model->options;
    if (depth < 1 || depth > options.depth)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "a model of depth %d has no depth %d", (int)options.depth, (int)depth);
    rcr_model *made;
    options.depth = depth;
    rcr_status status =
        rcr_model_create_blank(&made, &options, &model->graph, model->elements, RCR_MODEL_MAX_PARAMETERS, err);
    if (status != RCR_OK) return status;
    status = rcr_model_copy_targets(made, model, err);
    for (size_t k = 0; k < made->n_tensors + made->n_buffers && status == RCR_OK; k++) {
        int is_buffer = k >= made->n_tensors;
        const rcr_tensor *to = is_buffer ? &made->buffer[k - made->n_tensors] : &made->tensor[k];
        const rcr_tensor *from = rcr_model_find(model, to->name, NULL);
        /* The gates of all steps are one tensor, whose first ones these are; the others are alike. */
        if (from == NULL || from->count < to->count)
            status = rcr_fail(err, RCR_ERR_MISMATCH, "the deeper model has no tensor \"%s\" of this size", to->name);
        else
            memcpy((is_buffer ? made->buffers : made->parameters) + to->offset,
                   (is_buffer ? model->buffers : model->parameters) + from->offset, to->count * sizeof(rcr_real));
    }
    if (status == RCR_OK)
        *out = made;
    else
        rcr_model_free(made);
    return status;
}

/* |v_t - v_(t-1)| / |v_(t-1)|, the norms taken over all atoms; NaN for the first step, before which the vectors are the
 * elements' own. */
static void measure_changes(double *change, const rcr_embedding *e, size_t crystal) {
    size_t S = (size_t)e->n_steps, F = (size_t)e->n_features, first = e->row_offset[crystal],
           n = e->row_offset[crystal + 1] - first;
    for (size_t t = 0; t < S; t++) {
        double moved = 0, length = 0;
        for (size_t i = first; i < first + n && t > 0; i++) {
            const float *now = e->values + (i * S + t) * F, *before = now - F;
            for (size_t f = 0; f < F; f++) {
                moved += ((double)now[f] - before[f]) * ((double)now[f] - before[f]);
                length += (double)before[f] * before[f];
            }
        }
        change[t] = length > 0 ? sqrt(moved / length) : NAN;
    }
}

static rcr_status trace(double *value, double *change, const rcr_model *model, const rcr_crystal *const *crystal,
                        size_t n, int threads, rcr_error *err) {
    size_t S = (size_t)model->options.depth;
    rcr_status *ok = rcr_calloc(n, sizeof *ok), status = RCR_OK;
    double *values = rcr_calloc(n, sizeof *values);
    if (ok == NULL || values == NULL) status = rcr_fail_memory(err, "tracing the steps");
    for (size_t t = 0; t < S && status == RCR_OK; t++) {
        rcr_model *shallow;
        status = rcr_model_shallower(&shallow, model, (int32_t)t + 1, err);
        if (status != RCR_OK) break;
        status = rcr_model_predict(values, ok, shallow, crystal, n, threads, err);
        rcr_model_free(shallow);
        for (size_t i = 0; i < n && status == RCR_OK; i++) value[i * S + t] = ok[i] == RCR_OK ? values[i] : NAN;
    }
    rcr_embedding *embedding = NULL;
    if (status == RCR_OK) status = rcr_model_embed(&embedding, model, RCR_EMBED_STEPS, crystal, n, threads, err);
    for (size_t i = 0; i < n && status == RCR_OK; i++) measure_changes(change + i * S, embedding, i);
    rcr_embedding_free(embedding);
    rcr_free(ok);
    rcr_free(values);
    return status;
}

static void put_trace(rcr_text *text, const rcr_crystal *crystal, const double *value, const double *change, size_t S) {
    char number[32];
    for (size_t t = 0; t < S; t++) {
        rcr_csv_write_field(text, crystal->id, 1);
        rcr_text_printf(text, ",%zu,%s,", t + 1, isfinite(value[t]) ? rcr_format_double(number, value[t]) : "");
        if (isfinite(change[t])) rcr_text_puts(text, rcr_format_float(number, (float)change[t]));
        rcr_text_puts(text, "\n");
    }
}

static rcr_status write_steps(const survey *s, const rcr_run_data *run, rcr_error *err) {
    const rcr_model *model = s->options->model;
    size_t S = (size_t)model->options.depth, n = 0;
    if (model->options.architecture != RCR_SR_CGCNN || S < 2 || run->n_targets > 1 || model->n_members > 1)
        return RCR_OK;
    const rcr_crystal **crystal = rcr_calloc(s->n, sizeof *crystal);
    if (crystal == NULL) return rcr_fail_memory(err, "tracing the steps");
    for (size_t i = 0; i < s->n; i++)
        if ((s->row[i].keep & 2) && s->row[i].crystal != NULL) crystal[n++] = s->row[i].crystal;
    double *value = rcr_calloc(n * S, sizeof *value), *change = rcr_calloc(n * S, sizeof *change);
    rcr_status status = value == NULL || change == NULL
                            ? rcr_fail_memory(err, "tracing the steps")
                            : trace(value, change, model, crystal, n, rcr_pool_size(s->options->pool), err);
    if (status == RCR_OK && n > 0) {
        rcr_text text = {0};
        rcr_text_puts(&text, "id,step,prediction,change\n");
        for (size_t i = 0; i < n; i++) put_trace(&text, crystal[i], value + i * S, change + i * S, S);
        status = rcr_file_write_in(run->directory, "steps.csv", &text, err);
    }
    rcr_free(value);
    rcr_free(change);
    rcr_free(crystal);
    return status;
}

/* ---- the whole */

rcr_status rcr_survey_write(const rcr_run_data *run, const rcr_survey_options *options, rcr_error *err) {
    survey s = {.options = options};
    rcr_dataset_options data = {
        .target = options->target, .pool = options->pool, .progress = options->progress, .context = options->context};
    rcr_status status = list_rows(&s, run, err);
    if (status == RCR_OK) status = rcr_dataset_visit(options->data, &data, look, &s, err);
    size_t found = 0;
    for (size_t i = 0; i < s.n; i++) found += s.row[i].formula != NULL;
    if (status == RCR_OK && found == 0)
        status = rcr_fail_at(err, RCR_ERR_MISMATCH, options->data, 0, "none of the run's rows is in these data");
    if (status == RCR_OK) status = write_crystals(&s, run, err);
    if (status == RCR_OK) status = write_worst(&s, run, err);
    if (status == RCR_OK && options->n_missing != NULL) *options->n_missing = s.n - found;
    if (status == RCR_OK && options->model != NULL) status = write_steps(&s, run, err);
    for (size_t i = 0; i < s.n; i++) {
        rcr_free(s.row[i].formula);
        rcr_crystal_free(s.row[i].crystal);
    }
    rcr_free(s.row);
    return status;
}
