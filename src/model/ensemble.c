#include "model/ensemble.h"

#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
#include "graph/graph.h"

static const char own_prefix[] = "member.0."; /* before the metadata of an ensemble's first network */

/* ---- joining */

/* What differs, for a message; NULL when the networks can be averaged. */
static const char *difference(const rcr_model *a, const rcr_model *b) {
    const rcr_model_options *p = &a->options, *q = &b->options;
    const rcr_element_table *s = a->elements, *t = b->elements;
    if (p->architecture != q->architecture) return "architectures";
    if (p->task != q->task) return "tasks";
    if (p->depth != q->depth) return "numbers of steps or layers";
    if (p->gate != q->gate || p->layer_norm != q->layer_norm) return "gates or LayerNorms";
    if (p->atom_features != q->atom_features || p->hidden != q->hidden || p->hidden_layers != q->hidden_layers ||
        a->n_outputs != b->n_outputs)
        return "sizes of their layers";
    if (!rcr_graph_options_equal(&a->graph, &b->graph)) return "graph options";
    if (s->n_features != t->n_features || memcmp(s->known, t->known, sizeof s->known) != 0 ||
        memcmp(s->row, t->row, sizeof s->known * (size_t)s->n_features * sizeof *s->row) != 0)
        return "element vectors";
    if (p->n_targets != q->n_targets || p->variance != q->variance) return "numbers of predicted values";
    for (int32_t k = 0; k < p->n_targets; k++) {
        if (strcmp(a->targets[k].name, b->targets[k].name) != 0) return "targets";
        if (strcmp(a->targets[k].unit, b->targets[k].unit) != 0) return "units";
    }
    return NULL;
}

/* The metadata that all networks have alike stay; those that the first has alone get the prefix. */
static rcr_status sort_metadata(rcr_model *out, const rcr_model *first, rcr_error *err) {
    rcr_status status = RCR_OK;
    for (size_t i = 0; i < first->n_meta && status == RCR_OK; i++) {
        const rcr_meta *meta = &first->meta[i];
        int alike = 1;
        for (size_t m = 1; m < out->n_members; m++) {
            const char *other = rcr_model_get_meta(rcr_model_member(out, m), meta->key);
            alike &= other != NULL && strcmp(other, meta->value) == 0;
        }
        char key[256];
        rcr_fit(key, sizeof key, "%s%.200s", alike ? "" : own_prefix, meta->key);
        status = rcr_model_set_meta(out, key, meta->value, err);
    }
    return status;
}

/* Elements that one of the networks never saw are none that the mean can be trusted with.  A model without a domain
 * says nothing of its elements. */
static void narrow_domain(rcr_domain *domain, const rcr_model *const *models, size_t n) {
    for (size_t i = 1; i < n; i++)
        for (int z = 0; models[i]->domain != NULL && z <= RCR_MAX_ATOMIC_NUMBER; z++)
            domain->element[z] &= models[i]->domain->element[z];
}

static rcr_status fill_ensemble(rcr_model *out, const rcr_model *const *models, size_t n, size_t n_members,
                                rcr_error *err) {
    rcr_model *first = NULL;
    rcr_status status = rcr_model_pick(&first, models[0], 0, err);
    if (status != RCR_OK) return status;
    out->member = rcr_calloc(n_members - 1, sizeof(rcr_model *));
    if (out->member == NULL) status = rcr_fail_memory(err, "joining models");
    size_t at = 0;
    for (size_t i = 0; i < n && status == RCR_OK; i++)
        for (size_t m = 0; m < models[i]->n_members && status == RCR_OK; m++, at++) {
            if (at == 0) continue;
            status = rcr_model_pick(&out->member[at - 1], models[i], m, err);
            if (status != RCR_OK) break;
            rcr_model_drop_calibration(out->member[at - 1]);
            out->n_members = at + 1;
        }
    if (status == RCR_OK && out->domain != NULL) narrow_domain(out->domain, models, n);
    if (status == RCR_OK) {
        for (size_t i = 0; i < out->n_meta; i++) {
            rcr_free(out->meta[i].key);
            rcr_free(out->meta[i].value);
        }
        out->n_meta = 0;
        status = sort_metadata(out, first, err);
    }
    rcr_model_free(first);
    return status;
}

rcr_status rcr_model_join(rcr_model **out, const rcr_model *const *models, size_t n, rcr_error *err) {
    size_t n_members = 0;
    for (size_t i = 0; i < n; i++) {
        const char *what = difference(models[0], models[i]);
        if (what != NULL)
            return rcr_fail(err, RCR_ERR_MISMATCH, "models 1 and %zu have different %s, so they can't be averaged",
                            i + 1, what);
        n_members += models[i]->n_members;
    }
    if (n_members < 1) return rcr_fail(err, RCR_ERR_ARGUMENT, "an ensemble needs models");
    if (n_members > RCR_MODEL_MAX_MEMBERS)
        return rcr_fail(err, RCR_ERR_LIMIT, "%zu networks, and an ensemble has at most %zu", n_members,
                        RCR_MODEL_MAX_MEMBERS);
    rcr_model *model = NULL;
    rcr_status status = rcr_model_pick(&model, models[0], 0, err);
    if (status == RCR_OK) status = fill_ensemble(model, models, n, n_members, err);
    if (status != RCR_OK) {
        rcr_model_free(model);
        return status;
    }
    *out = model;
    return RCR_OK;
}

/* ---- one of them */

/* Of an ensemble's first network: its own metadata in place of those of the ensemble. */
static rcr_status own_metadata(rcr_model *out, const rcr_model *model, rcr_error *err) {
    rcr_status status = RCR_OK;
    size_t n_prefix = strlen(own_prefix);
    for (int own = 0; own < 2; own++)
        for (size_t i = 0; i < model->n_meta && status == RCR_OK; i++) {
            const rcr_meta *meta = &model->meta[i];
            if ((strncmp(meta->key, own_prefix, n_prefix) == 0) != own) continue;
            status = rcr_model_set_meta(out, meta->key + (own ? n_prefix : 0), meta->value, err);
        }
    return status;
}

rcr_status rcr_model_pick(rcr_model **out, const rcr_model *model, size_t m, rcr_error *err) {
    if (m >= model->n_members)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "there is no network %zu: the model has %zu", m + 1, model->n_members);
    rcr_model *copy = NULL;
    if (m > 0) return rcr_model_copy(out, model->member[m - 1], err);
    /* All but the company: a model that borrows what is copied. */
    rcr_model alone = *model;
    alone.n_members = 1;
    alone.member = NULL;
    alone.conformal = NULL;
    if (model->n_members > 1) alone.n_meta = 0;
    rcr_status status = rcr_model_copy(&copy, &alone, err);
    if (status == RCR_OK && model->n_members > 1) status = own_metadata(copy, model, err);
    if (status != RCR_OK) {
        rcr_model_free(copy);
        return status;
    }
    *out = copy;
    return RCR_OK;
}

/* ---- fewer steps */

static void copy_tensor(rcr_real *to, const rcr_tensor *tensor, const rcr_model *from) {
    int is_buffer = 0;
    const rcr_tensor *source = rcr_model_find(from, tensor->name, &is_buffer);
    /* The gate's values, one for each step, are more than are wanted. */
    memcpy(to + tensor->offset, (is_buffer ? from->buffers : from->parameters) + source->offset,
           tensor->count * sizeof(rcr_real));
}

static rcr_status shorten(rcr_model **out, const rcr_model *model, int32_t steps, rcr_error *err) {
    rcr_model_options options = model->options;
    rcr_model *copy = NULL;
    options.depth = steps;
    rcr_status status =
        rcr_model_create_blank(&copy, &options, &model->graph, model->elements, model->n_parameters, err);
    if (status != RCR_OK) return status;
    for (size_t i = 0; i < copy->n_tensors; i++) copy_tensor(copy->parameters, &copy->tensor[i], model);
    for (size_t i = 0; i < copy->n_buffers; i++) copy_tensor(copy->buffers, &copy->buffer[i], model);
    copy->n_batches_tracked = model->n_batches_tracked;
    status = rcr_model_copy_targets(copy, model, err);
    for (size_t i = 0; i < model->n_meta && status == RCR_OK; i++)
        status = rcr_model_set_meta(copy, model->meta[i].key, model->meta[i].value, err);
    if (status == RCR_OK && model->domain != NULL) {
        copy->domain = rcr_calloc(1, sizeof *copy->domain);
        if (copy->domain == NULL)
            status = rcr_fail_memory(err, "shortening a model");
        else
            memcpy(copy->domain->element, model->domain->element, sizeof copy->domain->element);
    }
    if (status != RCR_OK) {
        rcr_model_free(copy);
        return status;
    }
    *out = copy;
    return RCR_OK;
}

rcr_status rcr_model_with_steps(rcr_model **out, const rcr_model *model, int32_t steps, rcr_error *err) {
    if (model->options.architecture != RCR_SR_CGCNN)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "the number of steps can be chosen for SR-CGCNN; each layer of CGCNN has weights of its own");
    if (steps < 1 || steps > model->options.depth)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "%d steps: the model has norms for %d, so 1 to %d of them can be taken; train with more steps "
                        "for more",
                        (int)steps, (int)model->options.depth, (int)model->options.depth);
    if (steps == model->options.depth) return rcr_model_copy(out, model, err);
    rcr_model *copy = NULL;
    rcr_status status = shorten(&copy, model, steps, err);
    if (status == RCR_OK && model->n_members > 1) {
        copy->member = rcr_calloc(model->n_members - 1, sizeof(rcr_model *));
        if (copy->member == NULL) status = rcr_fail_memory(err, "shortening a model");
    }
    for (size_t m = 1; m < model->n_members && status == RCR_OK; m++) {
        status = shorten(&copy->member[m - 1], model->member[m - 1], steps, err);
        if (status == RCR_OK) copy->n_members = m + 1;
    }
    if (status != RCR_OK) {
        rcr_model_free(copy);
        return status;
    }
    *out = copy;
    return RCR_OK;
}
