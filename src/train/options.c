#include "train/options.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "graph/graph.h"
#include "train/init.h"
#include "train/targets.h"

static const char *const architectures[] = {"sr-cgcnn", "cgcnn", NULL};
static const char *const tasks[] = {"regression", "classification", NULL};
static const char *const disorders[] = {"refuse", "average", NULL};
static const char *const paddings[] = {"none", "reference", NULL};
static const char *const tie_rules[] = {"cut", "keep", NULL};
static const char *const split_kinds[] = {"random", "reference", "file", "highest", "lowest", "sklearn", NULL};
static const char *const split_groups[] = {"none", "formula", "chemical-system", "prototype", NULL};
static const char *const losses[] = {"mse", "l1", "huber", "gaussian", NULL};
static const char *const init_heads[] = {"auto", "fresh", "keep", NULL};
static const char *const schedules[] = {"multistep", "constant", "cosine", "one-cycle", "plateau", NULL};
static const char *const optimizers[] = {"adam", "sgd", "adamw", NULL};

#define FIELD(section, name, kind, member, comment)                                                                    \
    { section, name, RCR_FIELD_##kind, offsetof(rcr_train_options, member), NULL, comment }
#define CHOICE(section, name, member, names, comment)                                                                  \
    { section, name, RCR_FIELD_CHOICE, offsetof(rcr_train_options, member), names, comment }

/* Fields of a section stand together. */
const rcr_option_field rcr_option_fields[] = {
    CHOICE("model", "architecture", model.architecture, architectures,
           "sr-cgcnn: one convolution reused at every step"),
    CHOICE("model", "task", model.task, tasks, "regression or (binary) classification"),
    FIELD("model", "depth", INT32, model.depth, "message-passing steps (sr-cgcnn) or layers (cgcnn)"),
    FIELD("model", "gate", FLAG, model.gate, "sr-cgcnn: learnt gate between old and new atom vectors"),
    FIELD("model", "layer_norm", FLAG, model.layer_norm, "sr-cgcnn: LayerNorm after every step, shared by the steps"),
    FIELD("model", "atom_features", INT32, model.atom_features, "length of an atom's vector"),
    FIELD("model", "hidden", INT32, model.hidden, "width of the layers after pooling"),
    FIELD("model", "hidden_layers", INT32, model.hidden_layers, "their number"),
    FIELD("graph", "radius", DOUBLE, graph.radius, "angstrom"),
    FIELD("graph", "max_neighbors", INT32, graph.max_neighbors, "nearest neighbours of an atom within the radius"),
    FIELD("graph", "dmin", DOUBLE, graph.dmin, "centre of the first Gaussian, angstrom"),
    FIELD("graph", "step", DOUBLE, graph.step, "spacing and width of the Gaussians, angstrom"),
    CHOICE("graph", "padding", graph.padding, paddings, "missing neighbours: left out, or as the reference program"),
    CHOICE("graph", "ties", graph.ties, tie_rules, "equally distant neighbours at the cut"),
    FIELD("graph", "tie_tolerance", DOUBLE, graph.tie_tolerance,
          "distances closer than this are equal, angstrom; 0: automatic"),
    CHOICE("graph", "disorder", graph.disorder, disorders, "sites shared by several species, or partly vacant"),
    FIELD("data", "target", TEXT, target, "column to learn; \"\": the only one"),
    FIELD("data", "unit", TEXT, unit, "unit of the target, as stored in the model"),
    FIELD("data", "weights", TEXT, weights, "column of what each row counts in the loss; \"\": all the same"),
    FIELD("data", "transform", TEXT, transform, "what is learnt of the target; \"\": itself"),
    CHOICE("split", "kind", split.kind, split_kinds,
           "how rows are dealt to train, val and test: random, reference, file, highest, lowest or sklearn"),
    FIELD("split", "file", TEXT, split.file, "of the split by file: CSV with columns id,part"),
    FIELD("split", "seed", UINT64, split.seed, "of the split alone; where it is not given, seed"),
    CHOICE("split", "group", split.group, split_groups, "what must not stand on both sides"),
    FIELD("split", "folds", INT32, split.folds, "random, sklearn: equal test parts; 0: one test part by ratio or size"),
    FIELD("split", "fold", INT32, split.fold, "which of them tests, from 0"),
    FIELD("split", "repeat", INT32, split.repeat, "another deal of the same seed, from 0"),
    FIELD("split", "train_ratio", DOUBLE, split.train_ratio, "below 0: what the other parts leave"),
    FIELD("split", "val_ratio", DOUBLE, split.val_ratio, "share of the rows"),
    FIELD("split", "test_ratio", DOUBLE, split.test_ratio, "share of the rows"),
    FIELD("split", "train_size", INT64, split.train_size, "rows; below 0: by ratio"),
    FIELD("split", "val_size", INT64, split.val_size, "rows; below 0: by ratio"),
    FIELD("split", "test_size", INT64, split.test_size, "rows; below 0: by ratio"),
    FIELD("training", "init", TEXT, init, "model whose weights are the start"),
    CHOICE("training", "init_head", init_head, init_heads, "init: the last layer"),
    FIELD("training", "freeze", TEXT, freeze, "what stays as it is: embedding,conv,hidden,output"),
    FIELD("training", "deep_supervision", DOUBLE, deep_supervision, "sr-cgcnn: weight of the earlier steps' readouts"),
    FIELD("training", "epochs", INT32, epochs, "passes over the training part"),
    FIELD("training", "batch_size", INT32, batch_size, "crystals in a batch"),
    CHOICE("training", "optimizer", optimizer, optimizers, "adam, sgd (with momentum) or adamw"),
    FIELD("training", "lr", DOUBLE, lr, "learning rate at the start"),
    CHOICE("training", "loss", loss, losses, "regression: mse, l1, huber or gaussian, of normalised targets"),
    FIELD("training", "huber_delta", DOUBLE, huber_delta, "huber: errors past it count linearly; normalised units"),
    FIELD("training", "gaussian_beta", DOUBLE, gaussian_beta, "gaussian: gradients times the variance to this power"),
    FIELD("training", "class_weights", TEXT, class_weights, "classification: balanced, or W0,W1"),
    CHOICE("training", "schedule", schedule, schedules, "how the learning rate changes"),
    FIELD("training", "lr_milestones", MILESTONES, milestone,
          "multistep: epochs after which the learning rate is multiplied"),
    FIELD("training", "lr_gamma", DOUBLE, lr_gamma, "by this factor; plateau: as well"),
    FIELD("training", "lr_final", DOUBLE, lr_final, "cosine, one-cycle: the last learning rate as a share of lr"),
    FIELD("training", "warmup", DOUBLE, warmup, "epochs in which the learning rate grows to lr"),
    FIELD("training", "plateau_patience", INT32, plateau_patience, "plateau: epochs without a better score"),
    FIELD("training", "patience", INT32, patience, "stop after so many epochs without a better score; 0: never"),
    FIELD("training", "clip", DOUBLE, clip, "largest norm of the gradient; 0: not clipped"),
    FIELD("training", "average", DOUBLE, average, "moving average of the weights, share kept; 0: none"),
    FIELD("training", "momentum", DOUBLE, momentum, "sgd"),
    FIELD("training", "weight_decay", DOUBLE, weight_decay, ""),
    FIELD("training", "beta1", DOUBLE, beta1, "adam, adamw"),
    FIELD("training", "beta2", DOUBLE, beta2, "adam, adamw"),
    FIELD("training", "eps", DOUBLE, eps, "adam, adamw"),
    FIELD("training", "dropout", DOUBLE, dropout, "classification: before the hidden layers"),
    FIELD("training", "seed", UINT64, seed, "weights, order of the batches, dropout; the split, unless it has its own"),
    FIELD("training", "ensemble", INT32, ensemble, "networks, with seeds one after the other"),
    FIELD("run", "threads", INT32, n_threads, "0: every core; changes no result"),
    FIELD("run", "kernels", TEXT, kernels, "instruction set; \"\": the best of the machine"),
    FIELD("run", "strict", FLAG, strict, "stop at the first unusable row"),
};
const size_t rcr_n_option_fields = sizeof rcr_option_fields / sizeof rcr_option_fields[0];

_Static_assert(sizeof(int) == sizeof(int32_t), "n_threads and strict are read as int32_t");
_Static_assert(sizeof(rcr_optimizer_kind) == sizeof(int32_t), "enumerations are read as int32_t");

/* ---- beside a model to begin with */

/* A model's; the task is of the data's targets. */
static int is_of_model(const rcr_option_field *field) {
    if (strcmp(field->section, "model") == 0) return strcmp(field->name, "task") != 0;
    return strcmp(field->section, "graph") == 0;
}

static int is_disorder(const rcr_option_field *field) {
    return field->offset == offsetof(rcr_train_options, graph.disorder);
}

void rcr_train_options_ask(rcr_train_options *options, const rcr_option_field *field) {
    size_t i = (size_t)(field - rcr_option_fields);
    if (is_of_model(field) && i < 32) options->asked |= UINT32_C(1) << i;
}

static int was_asked(const rcr_train_options *o, size_t i) { return i < 32 && (o->asked >> i & 1) != 0; }

static rcr_status fail_adoption(const rcr_train_options *own, const rcr_train_options *theirs,
                                const rcr_option_field *field, rcr_error *err) {
    rcr_text ours = {0}, model = {0};
    char option[RCR_OPTION_NAME];
    rcr_option_format(&ours, field, own);
    rcr_option_format(&model, field, theirs);
    rcr_status status =
        ours.failed || model.failed
            ? rcr_fail_memory(err, "comparing the settings with a model's")
            : rcr_fail(err, RCR_ERR_MISMATCH,
                       "--%s is %.60s, and that of the model to begin with is %.60s; leave the option out to take it "
                       "from the model",
                       rcr_option_spelled(option, field, own), ours.data, model.data);
    rcr_text_free(&ours);
    rcr_text_free(&model);
    return status;
}

static rcr_status check_adoption(const rcr_train_options *own, const rcr_train_options *theirs, size_t i,
                                 rcr_error *err) {
    const rcr_train_options usual = rcr_train_options_default();
    const rcr_option_field *field = &rcr_option_fields[i];
    int alike = rcr_option_alike(field, own, theirs), is_usual = rcr_option_alike(field, own, &usual);
    if (alike < 0 || is_usual < 0) return rcr_fail_memory(err, "comparing the settings with a model's");
    return alike || (is_usual && !was_asked(own, i)) ? RCR_OK : fail_adoption(own, theirs, field, err);
}

rcr_status rcr_train_options_adopt(rcr_train_options *o, const rcr_model *init, rcr_error *err) {
    rcr_train_options theirs = *o;
    rcr_disorder usual = rcr_graph_options_default().disorder;
    theirs.model = init->options;
    theirs.graph = init->graph;
    for (size_t i = 0; i < rcr_n_option_fields; i++) {
        const rcr_option_field *field = &rcr_option_fields[i];
        if (is_disorder(field) && (was_asked(o, i) || o->graph.disorder != usual))
            theirs.graph.disorder = o->graph.disorder;
        rcr_status status = is_of_model(field) && !is_disorder(field) ? check_adoption(o, &theirs, i, err) : RCR_OK;
        if (status != RCR_OK) return status;
    }
    rcr_model_options model = init->options;
    model.task = o->model.task;
    model.n_targets = o->model.n_targets;
    model.variance = o->model.variance;
    o->model = model;
    o->graph = theirs.graph;
    return rcr_train_options_check(o, err);
}

rcr_train_options rcr_train_options_default(void) {
    rcr_train_options options = {
        .model = rcr_model_options_default(),
        .graph = rcr_graph_options_default(),
        .split = rcr_split_options_default(),
        .epochs = 300,
        .batch_size = 256,
        .optimizer = RCR_ADAM,
        .lr = 1e-3,
        .momentum = 0.9,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .eps = 1e-8,
        .n_milestones = 1,
        .milestone = {100},
        .lr_gamma = 0.1,
        .huber_delta = 1,
        .plateau_patience = 10,
        .dropout = 0.5,
        .seed = 123,
        .ensemble = 1,
    };
    return options;
}

const char *rcr_architecture_name(rcr_architecture architecture) { return architectures[architecture]; }
const char *rcr_task_name(rcr_task_kind task) { return tasks[task]; }
const char *rcr_optimizer_name(rcr_optimizer_kind optimizer) { return optimizers[optimizer]; }
const char *rcr_loss_name(rcr_loss_kind loss) { return losses[loss]; }
const char *rcr_schedule_name(rcr_schedule_kind schedule) { return schedules[schedule]; }
const char *rcr_split_group_name(rcr_split_group group) { return split_groups[group]; }
const char *rcr_split_kind_name(rcr_split_kind kind) { return split_kinds[kind]; }

const char *rcr_option_name(const rcr_option_field *field, const rcr_train_options *o) {
    const rcr_split_options *s = &o->split;
    const struct {
        const char *section, *field, *option;
        int told;
    } special[] = {
        {"model", "architecture", "model", 1},
        {"model", "depth", o->model.architecture == RCR_SR_CGCNN ? "steps" : "layers", 1},
        {"split", "kind", "split", s->kind != RCR_SPLIT_FILE},
        {"split", "file", "split", s->kind == RCR_SPLIT_FILE},
        {"split", "seed", "split_seed", s->seed != o->seed},
        {"split", "folds", "folds", s->folds > 0},
        {"split", "fold", "fold", s->folds > 0},
        {"split", "train_ratio", "train_ratio", s->train_ratio >= 0 && s->train_size < 0},
        {"split", "val_ratio", "val_ratio", s->val_size < 0},
        {"split", "test_ratio", "test_ratio", s->test_size < 0},
        {"split", "train_size", "train_size", s->train_size >= 0},
        {"split", "val_size", "val_size", s->val_size >= 0},
        {"split", "test_size", "test_size", s->test_size >= 0},
    };
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (strcmp(special[i].section, field->section) == 0 && strcmp(special[i].field, field->name) == 0)
            return special[i].told ? special[i].option : NULL;
    if (field->kind == RCR_FIELD_TEXT) {
        const char *text;
        memcpy(&text, (const char *)o + field->offset, sizeof text);
        if (text == NULL) return NULL;
    }
    return field->name;
}

const char *rcr_option_spelled(char buffer[RCR_OPTION_NAME], const rcr_option_field *field,
                               const rcr_train_options *o) {
    const char *name = rcr_option_name(field, o);
    if (name == NULL) return NULL;
    snprintf(buffer, RCR_OPTION_NAME, "%s", name);
    for (char *c = buffer; *c != '\0'; c++)
        if (*c == '_') *c = '-';
    return buffer;
}

int rcr_option_alike(const rcr_option_field *field, const rcr_train_options *a, const rcr_train_options *b) {
    rcr_text x = {0}, y = {0};
    rcr_option_format(&x, field, a);
    rcr_option_format(&y, field, b);
    int same = x.failed || y.failed ? -1 : x.length == y.length && (x.length == 0 || !memcmp(x.data, y.data, x.length));
    rcr_text_free(&x);
    rcr_text_free(&y);
    return same;
}

void rcr_option_format(rcr_text *out, const rcr_option_field *field, const rcr_train_options *options) {
    const char *at = (const char *)options + field->offset;
    int32_t i32;
    int64_t i64;
    uint64_t u64;
    double real;
    const char *text;
    char buffer[32];
    switch (field->kind) {
    case RCR_FIELD_INT32:
    case RCR_FIELD_FLAG:
        memcpy(&i32, at, sizeof i32);
        rcr_text_printf(out, "%" PRId32, i32);
        break;
    case RCR_FIELD_INT64:
        memcpy(&i64, at, sizeof i64);
        rcr_text_printf(out, "%" PRId64, i64);
        break;
    case RCR_FIELD_UINT64:
        memcpy(&u64, at, sizeof u64);
        rcr_text_printf(out, "%" PRIu64, u64);
        break;
    case RCR_FIELD_DOUBLE:
        memcpy(&real, at, sizeof real);
        rcr_text_puts(out, rcr_format_double(buffer, real));
        break;
    case RCR_FIELD_TEXT:
        memcpy(&text, at, sizeof text);
        rcr_text_puts(out, text != NULL ? text : "");
        break;
    case RCR_FIELD_CHOICE:
        memcpy(&i32, at, sizeof i32);
        rcr_text_puts(out, field->choice[i32]);
        break;
    case RCR_FIELD_MILESTONES:
        for (int32_t i = 0; i < options->n_milestones; i++)
            rcr_text_printf(out, i > 0 ? ",%" PRId32 : "%" PRId32, options->milestone[i]);
        break;
    }
}

static rcr_status unreadable(const rcr_option_field *field, const char *text, rcr_error *err) {
    return rcr_fail(err, RCR_ERR_PARSE, "setting %s.%s: '%s' is not a value for it", field->section, field->name, text);
}

static rcr_status parse_milestones(rcr_train_options *options, const rcr_option_field *field, const char *text,
                                   rcr_error *err) {
    int32_t n = 0;
    for (const char *at = text; *at != '\0';) {
        size_t length = strcspn(at, ",");
        int64_t value;
        if (n == RCR_MAX_MILESTONES || !rcr_parse_int64(&value, at, length) || value < 1 || value > INT32_MAX)
            return unreadable(field, text, err);
        options->milestone[n++] = (int32_t)value;
        at += length + (at[length] == ',');
    }
    options->n_milestones = n;
    return RCR_OK;
}

/* All 64 bits, which a signed integer does not hold. */
static int parse_uint64(uint64_t *out, const char *text) {
    uint64_t value = 0;
    if (*text == '\0') return 0;
    for (; *text != '\0'; text++) {
        if (!rcr_is_digit((unsigned char)*text)) return 0;
        uint64_t digit = (uint64_t)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10) return 0;
        value = value * 10 + digit;
    }
    *out = value;
    return 1;
}

rcr_status rcr_option_parse(rcr_train_options *options, const rcr_option_field *field, const char *text,
                            rcr_error *err) {
    char *at = (char *)options + field->offset, *copy;
    int32_t i32 = 0;
    int64_t i64;
    uint64_t u64;
    double real;
    switch (field->kind) {
    case RCR_FIELD_INT32:
    case RCR_FIELD_FLAG:
        if (!rcr_parse_int64(&i64, text, strlen(text)) || i64 < INT32_MIN || i64 > INT32_MAX ||
            (field->kind == RCR_FIELD_FLAG && i64 != 0 && i64 != 1))
            return unreadable(field, text, err);
        i32 = (int32_t)i64;
        memcpy(at, &i32, sizeof i32);
        return RCR_OK;
    case RCR_FIELD_INT64:
        if (!rcr_parse_int64(&i64, text, strlen(text))) return unreadable(field, text, err);
        memcpy(at, &i64, sizeof i64);
        return RCR_OK;
    case RCR_FIELD_UINT64:
        if (!parse_uint64(&u64, text)) return unreadable(field, text, err);
        memcpy(at, &u64, sizeof u64);
        return RCR_OK;
    case RCR_FIELD_DOUBLE:
        if (!rcr_parse_double(&real, text, strlen(text))) return unreadable(field, text, err);
        memcpy(at, &real, sizeof real);
        return RCR_OK;
    case RCR_FIELD_TEXT:
        copy = text[0] != '\0' ? rcr_strdup(text) : NULL;
        if (text[0] != '\0' && copy == NULL) return rcr_fail_memory(err, "reading the settings of a run");
        memcpy(at, &copy, sizeof copy);
        return RCR_OK;
    case RCR_FIELD_CHOICE:
        while (field->choice[i32] != NULL && strcmp(field->choice[i32], text) != 0) i32++;
        if (field->choice[i32] == NULL) return unreadable(field, text, err);
        memcpy(at, &i32, sizeof i32);
        return RCR_OK;
    case RCR_FIELD_MILESTONES: return parse_milestones(options, field, text, err);
    }
    return unreadable(field, text, err);
}

static size_t n_items(const char *list) {
    size_t n = 1;
    for (; list != NULL && *list != '\0'; list++) n += *list == ',';
    return n;
}

void rcr_train_options_settle(rcr_train_options *o) {
    rcr_transform_kind kind[RCR_MAX_TARGETS];
    size_t n = n_items(o->transform);
    /* A list of another length than that of the targets stays, to be refused. */
    if (o->init != NULL || o->transform == NULL || n > RCR_MAX_TARGETS || (n > 1 && n != n_items(o->target))) return;
    if (rcr_transforms_parse(kind, o->transform, n, NULL) != RCR_OK) return;
    for (size_t k = 0; k < n; k++)
        if (kind[k] != RCR_TRANSFORM_NONE) return;
    o->transform = NULL;
}

/* Lists, which may say what their number of targets can't be. */
static rcr_status check_words(const rcr_train_options *o, rcr_error *err) {
    double weight[2];
    int balanced, classes = o->model.task == RCR_CLASSIFICATION;
    rcr_status status = rcr_class_weights_parse(weight, &balanced, o->class_weights, err);
    if (status != RCR_OK) return status;
    if (!classes && o->class_weights != NULL)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "class weights are for a classification; this is a regression");
    if (classes && o->transform != NULL && strcmp(o->transform, rcr_transform_names[RCR_TRANSFORM_NONE]) != 0)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "classes have no transform (%.60s)", o->transform);
    size_t n = n_items(o->transform);
    if (n > RCR_MAX_TARGETS)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "%zu transforms; there are at most %d targets", n, RCR_MAX_TARGETS);
    rcr_transform_kind kind[RCR_MAX_TARGETS];
    return rcr_transforms_parse(kind, o->transform, n, err);
}

/* What a run begins with, and what of it is trained. */
static rcr_status check_start(const rcr_train_options *o, rcr_error *err) {
    int frozen[RCR_N_PARTS];
    rcr_status status = rcr_freeze_parse(frozen, o->freeze, err);
    if (status != RCR_OK) return status;
    if (o->init_head < RCR_HEAD_AUTO || o->init_head > RCR_HEAD_KEEP)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "no such choice of the last layer; allowed are auto, fresh and keep");
    if (o->init == NULL && o->init_head != RCR_HEAD_AUTO)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "--init-head is for a run that begins with a model (--init)");
    if (o->deep_supervision > 0 && o->model.architecture != RCR_SR_CGCNN)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "deep supervision is for the steps of SR-CGCNN; CGCNN has none");
    return RCR_OK;
}

rcr_status rcr_train_options_check(const rcr_train_options *o, rcr_error *err) {
    rcr_status status = rcr_model_options_check(&o->model, err);
    if (status == RCR_OK) status = rcr_graph_options_check(&o->graph, err);
    if (status != RCR_OK) return status;
    if (o->epochs < 1) return rcr_fail(err, RCR_ERR_ARGUMENT, "epochs is %" PRId32 "; at least 1", o->epochs);
    if (o->ensemble < 1 || o->ensemble > (int32_t)RCR_MODEL_MAX_MEMBERS)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "an ensemble has 1 to %d networks, not %" PRId32,
                        (int)RCR_MODEL_MAX_MEMBERS, o->ensemble);
    if (o->batch_size < 1)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "batch size is %" PRId32 "; at least 1", o->batch_size);
    if (o->optimizer < RCR_ADAM || o->optimizer > RCR_ADAMW)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "no such optimizer; allowed are adam, sgd and adamw");
    if (o->loss < RCR_LOSS_MSE || o->loss > RCR_LOSS_GAUSSIAN)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "no such loss; allowed are mse, l1, huber and gaussian");
    if (o->loss != RCR_LOSS_MSE && o->model.task == RCR_CLASSIFICATION)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the loss %s is one of regression; classes have their own",
                        losses[o->loss]);
    status = check_words(o, err);
    if (status == RCR_OK) status = check_start(o, err);
    if (status != RCR_OK) return status;
    if (o->schedule < RCR_SCHEDULE_MULTISTEP || o->schedule > RCR_SCHEDULE_PLATEAU)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "no such schedule; allowed are multistep, constant, cosine, one-cycle and plateau");
    if (o->plateau_patience < 0 || o->patience < 0)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "patience is a number of epochs, 0 or more");
    if (o->n_milestones < 0 || o->n_milestones > RCR_MAX_MILESTONES)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "%" PRId32 " milestones; at most %d", o->n_milestones,
                        RCR_MAX_MILESTONES);
    for (int32_t i = 0; i < o->n_milestones; i++)
        if (o->milestone[i] < 1)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "milestone %" PRId32 "; epochs count from 1", o->milestone[i]);
    const struct {
        const char *name, *allowed;
        double value;
        int good;
    } number[] = {
        {"learning rate", "above 0", o->lr, o->lr > 0},
        {"learning rate's gamma", "above 0", o->lr_gamma, o->lr_gamma > 0},
        {"Huber's delta", "above 0", o->huber_delta, o->huber_delta > 0},
        {"Gaussian loss' beta", "0 to 1", o->gaussian_beta, o->gaussian_beta >= 0 && o->gaussian_beta <= 1},
        {"final share of the learning rate", "0 to 1", o->lr_final, o->lr_final >= 0 && o->lr_final <= 1},
        {"warm-up", "0 or more epochs, fewer than there are", o->warmup, o->warmup >= 0 && o->warmup < o->epochs},
        {"weight of deep supervision", "0 or more", o->deep_supervision, o->deep_supervision >= 0},
        {"largest norm of the gradient", "0 or more", o->clip, o->clip >= 0},
        {"average's share of the old", "0 to below 1", o->average, o->average >= 0 && o->average < 1},
        {"momentum", "0 to below 1", o->momentum, o->momentum >= 0 && o->momentum < 1},
        {"weight decay", "0 or more", o->weight_decay, o->weight_decay >= 0},
        {"beta1", "0 to below 1", o->beta1, o->beta1 >= 0 && o->beta1 < 1},
        {"beta2", "0 to below 1", o->beta2, o->beta2 >= 0 && o->beta2 < 1},
        {"eps", "1e-30 or more", o->eps, o->eps >= 1e-30}, /* far below, a float is 0 */
        {"dropout", "0 to below 1", o->dropout, o->dropout >= 0 && o->dropout < 1},
    };
    for (size_t i = 0; i < sizeof number / sizeof number[0]; i++)
        if (!number[i].good || !isfinite(number[i].value)) {
            char text[32];
            return rcr_fail(err, RCR_ERR_ARGUMENT, "%s is %s; allowed: %s", number[i].name,
                            rcr_format_double(text, number[i].value), number[i].allowed);
        }
    return RCR_OK;
}

void rcr_train_options_release(rcr_train_options *options) {
    for (size_t i = 0; i < rcr_n_option_fields; i++) {
        if (rcr_option_fields[i].kind != RCR_FIELD_TEXT) continue;
        char *text, *none = NULL;
        memcpy(&text, (char *)options + rcr_option_fields[i].offset, sizeof text);
        rcr_free(text);
        memcpy((char *)options + rcr_option_fields[i].offset, &none, sizeof none);
    }
}

rcr_status rcr_train_options_copy(rcr_train_options *out, const rcr_train_options *options, rcr_error *err) {
    rcr_train_options copy = *options;
    int failed = 0;
    for (size_t i = 0; i < rcr_n_option_fields; i++) {
        if (rcr_option_fields[i].kind != RCR_FIELD_TEXT) continue;
        const char *from;
        memcpy(&from, (const char *)options + rcr_option_fields[i].offset, sizeof from);
        char *to = from != NULL && !failed ? rcr_strdup(from) : NULL;
        failed |= from != NULL && to == NULL;
        memcpy((char *)&copy + rcr_option_fields[i].offset, &to, sizeof to);
    }
    if (failed) {
        rcr_train_options_release(&copy);
        return rcr_fail_memory(err, "copying the settings of a run");
    }
    *out = copy;
    return RCR_OK;
}

rcr_status rcr_option_make_absolute(const char **option, rcr_error *err) {
    char *path;
    if (*option == NULL) return RCR_OK;
    rcr_status status = rcr_absolute_path(&path, *option, err);
    if (status != RCR_OK) return status;
    rcr_free((void *)(uintptr_t)*option);
    *option = path;
    return RCR_OK;
}
