#include "cli/train_args.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "cli/find_model.h"

static void set_defaults(rcr_train_args *a) {
    *a = (rcr_train_args){.options = rcr_train_options_default(), .graph = rcr_graph_args_default()};
    a->model = a->options.model.architecture;
    a->task = a->options.model.task;
    a->optimizer = a->options.optimizer;
    a->loss = a->options.loss;
    a->schedule = a->options.schedule;
    a->steps = a->layers = a->options.model.depth;
    a->split = "random";
    a->milestones.n = a->options.n_milestones;
    memcpy(a->milestones.item, a->options.milestone, (size_t)a->options.n_milestones * sizeof *a->milestones.item);
}

/* Of a part's ratio and size, the nearer one counts. */
static rcr_status choose_sizes(rcr_train_options *o, const rcr_args *args, rcr_error *err) {
    static const char *const parts[] = {"train", "val", "test"};
    int64_t *const rows[] = {&o->split.train_size, &o->split.val_size, &o->split.test_size};
    const rcr_split_options usual = rcr_split_options_default();
    double *const share[] = {&o->split.train_ratio, &o->split.val_ratio, &o->split.test_ratio};
    const double usual_share[] = {usual.train_ratio, usual.val_ratio, usual.test_ratio};
    for (int i = 0; i < 3; i++) {
        char ratio[16], size[16];
        snprintf(ratio, sizeof ratio, "%s-ratio", parts[i]);
        snprintf(size, sizeof size, "%s-size", parts[i]);
        int by_ratio = rcr_args_find(args, ratio)->given, by_size = rcr_args_find(args, size)->given;
        if (by_ratio == RCR_GIVEN_NOT || by_size == RCR_GIVEN_NOT) continue;
        if (by_ratio == by_size)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "--%s and --%s say the same thing twice; give one", ratio, size);
        if (by_ratio < by_size)
            *rows[i] = -1;
        else if (o->split.kind == RCR_SPLIT_REFERENCE) /* whose training part is what ratios leave, also beside sizes */
            *share[i] = usual_share[i];
    }
    return RCR_OK;
}

/* The model to begin with may be given by the name of a shipped one. */
static rcr_status find_init(rcr_train_args *a, rcr_error *err) {
    rcr_text path = {0};
    if (a->options.init == NULL) return RCR_OK;
    rcr_status status = rcr_find_model(&path, a->options.init, err);
    if (status == RCR_ERR_IO && a->init_may_lack) {
        rcr_text_free(&path);
        return RCR_OK;
    }
    if (status == RCR_OK && path.length < sizeof a->init) {
        memcpy(a->init, path.data, path.length + 1);
        a->options.init = a->init;
    } else if (status == RCR_OK) {
        status = rcr_fail(err, RCR_ERR_ARGUMENT, "the path of the model to begin with is too long");
    }
    rcr_text_free(&path);
    return status;
}

/* What was asked for of network and graphs must be so in the model to begin with, the default too. */
static void note_asked(rcr_train_options *o, const rcr_args *args) {
    for (size_t i = 0; i < rcr_n_option_fields; i++) {
        char option[RCR_OPTION_NAME];
        if (rcr_option_spelled(option, &rcr_option_fields[i], o) == NULL) continue;
        const rcr_arg *arg = rcr_args_find(args, option);
        if (arg != NULL && arg->given != RCR_GIVEN_NOT) rcr_train_options_ask(o, &rcr_option_fields[i]);
    }
}

/* Options that mean something beside one or two values of another one alone: refused beside the others. */
static rcr_status check_uses(const rcr_train_args *a, const rcr_args *args, rcr_error *err) {
    const struct {
        const char *option, *decider, *names;
        int32_t is, wanted[2]; /* either of them */
    } needs[] = {
        {"lr-milestones", "schedule", "multistep", a->schedule, {RCR_SCHEDULE_MULTISTEP, RCR_SCHEDULE_MULTISTEP}},
        {"plateau-patience", "schedule", "plateau", a->schedule, {RCR_SCHEDULE_PLATEAU, RCR_SCHEDULE_PLATEAU}},
        {"lr-final", "schedule", "cosine or one-cycle", a->schedule, {RCR_SCHEDULE_COSINE, RCR_SCHEDULE_ONE_CYCLE}},
        {"lr-gamma", "schedule", "multistep or plateau", a->schedule, {RCR_SCHEDULE_MULTISTEP, RCR_SCHEDULE_PLATEAU}},
        {"huber-delta", "loss", "huber", a->loss, {RCR_LOSS_HUBER, RCR_LOSS_HUBER}},
        {"gaussian-beta", "loss", "gaussian", a->loss, {RCR_LOSS_GAUSSIAN, RCR_LOSS_GAUSSIAN}},
        {"momentum", "optimizer", "sgd", a->optimizer, {RCR_SGD, RCR_SGD}},
        {"beta1", "optimizer", "adam or adamw", a->optimizer, {RCR_ADAM, RCR_ADAMW}},
        {"beta2", "optimizer", "adam or adamw", a->optimizer, {RCR_ADAM, RCR_ADAMW}},
        {"eps", "optimizer", "adam or adamw", a->optimizer, {RCR_ADAM, RCR_ADAMW}},
        {"dropout", "task", "classification", a->task, {RCR_CLASSIFICATION, RCR_CLASSIFICATION}},
    };
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (rcr_args_asked(args, needs[i].option, needs[i].decider) && needs[i].is != needs[i].wanted[0] &&
            needs[i].is != needs[i].wanted[1])
            return rcr_fail(err, RCR_ERR_ARGUMENT, "--%s goes with --%s %s", needs[i].option, needs[i].decider,
                            needs[i].names);
    return RCR_OK;
}

static const char *const part_options[] = {"train-ratio", "val-ratio", "test-ratio",
                                           "train-size",  "val-size",  "test-size"};
enum { N_PART_OPTIONS = sizeof part_options / sizeof *part_options };

/* What a split takes no notice of, asked for as near as the split itself. */
static rcr_status check_split(const rcr_split_options *o, const rcr_args *args, rcr_error *err) {
    static const char *const of_test[] = {"test-ratio", "test-size"};
    for (int i = 0; i < N_PART_OPTIONS; i++)
        if (o->kind == RCR_SPLIT_FILE && rcr_args_asked(args, part_options[i], "split"))
            return rcr_fail(err, RCR_ERR_ARGUMENT,
                            "--%s doesn't go with a split from a file, which says itself what the parts hold",
                            part_options[i]);
    for (int i = 0; i < 2; i++)
        if (o->folds > 0 && rcr_args_asked(args, of_test[i], "folds"))
            return rcr_fail(err, RCR_ERR_ARGUMENT, "--%s doesn't go with --folds, of which each has an equal test part",
                            of_test[i]);
    if (o->kind == RCR_SPLIT_FILE && rcr_args_asked(args, "repeat", "split"))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "--repeat doesn't go with a split from a file, which deals no rows");
    if (rcr_args_asked(args, "split-seed", "split") && o->kind == RCR_SPLIT_FILE)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "--split-seed doesn't go with a split from a file, which deals no rows");
    if (rcr_args_asked(args, "split-seed", "split") && o->kind == RCR_SPLIT_REFERENCE)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "--split-seed doesn't go with the reference split, which always has the reference program's");
    return RCR_OK;
}

static rcr_split_kind split_kind(const char *name) {
    static const rcr_split_kind kinds[] = {RCR_SPLIT_RANDOM, RCR_SPLIT_REFERENCE, RCR_SPLIT_HIGHEST, RCR_SPLIT_LOWEST,
                                           RCR_SPLIT_SKLEARN};
    for (int i = 0; i < 5; i++)
        if (strcmp(name, rcr_split_kind_name(kinds[i])) == 0) return kinds[i];
    return RCR_SPLIT_FILE;
}

/* Sizes of parts that the nearer choice of split or folds has no use for. */
static void pass_over_parts(rcr_split_options *o, const rcr_args *args) {
    const rcr_split_options usual = rcr_split_options_default();
    double *const share[] = {&o->train_ratio, &o->val_ratio, &o->test_ratio};
    const double usual_share[] = {usual.train_ratio, usual.val_ratio, usual.test_ratio};
    int64_t *const rows[] = {&o->train_size, &o->val_size, &o->test_size};
    for (int i = 0; i < 3; i++) {
        const char *decider = o->kind == RCR_SPLIT_FILE ? "split" : "folds";
        if (o->kind != RCR_SPLIT_FILE && (o->folds == 0 || i < 2)) continue;
        if (!rcr_args_asked(args, part_options[i], decider)) *share[i] = usual_share[i];
        if (!rcr_args_asked(args, part_options[3 + i], decider)) *rows[i] = -1;
    }
}

/* What the nearer choice of model, task or split has no use for, and the library would refuse, becomes the default. */
static void pass_over(rcr_train_args *a, const rcr_args *args) {
    rcr_train_options *o = &a->options;
    const rcr_train_options usual = rcr_train_options_default();
    rcr_split_kind kind = o->split.kind;
    int classes = a->task == RCR_CLASSIFICATION, fixed = kind == RCR_SPLIT_REFERENCE || kind == RCR_SPLIT_FILE;
    if (a->model != RCR_SR_CGCNN && !rcr_args_asked(args, "deep-supervision", "model"))
        o->deep_supervision = usual.deep_supervision;
    if (classes && !rcr_args_asked(args, "loss", "task")) a->loss = (int32_t)usual.loss;
    if (classes && !rcr_args_asked(args, "transform", "task")) o->transform = usual.transform;
    if (!classes && !rcr_args_asked(args, "class-weights", "task")) o->class_weights = usual.class_weights;
    if (kind != RCR_SPLIT_RANDOM && kind != RCR_SPLIT_SKLEARN && !rcr_args_asked(args, "folds", "split") &&
        !rcr_args_asked(args, "fold", "split"))
        o->split.folds = o->split.fold = 0;
    if ((fixed || kind == RCR_SPLIT_SKLEARN) && !rcr_args_asked(args, "group", "split")) a->group = RCR_GROUP_NONE;
    if (fixed && !rcr_args_asked(args, "repeat", "split")) o->split.repeat = usual.split.repeat;
    pass_over_parts(&o->split, args);
}

rcr_status rcr_train_args_finish(rcr_train_args *a, const rcr_args *args, rcr_error *err) {
    rcr_train_options *o = &a->options;
    o->split.kind = split_kind(a->split);
    int shared = a->model == RCR_SR_CGCNN;
    if (!shared && rcr_args_asked(args, "steps", "model"))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "--steps goes with --model sr-cgcnn; cgcnn takes --layers");
    if (shared && rcr_args_asked(args, "layers", "model"))
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "--layers goes with --model cgcnn; sr-cgcnn, which is the default, takes --steps");
    if (!shared && a->gate && rcr_args_asked(args, "gate", "model"))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "--gate goes with --model sr-cgcnn only");
    if (!shared && a->layer_norm && rcr_args_asked(args, "layer-norm", "model"))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "--layer-norm goes with --model sr-cgcnn only");
    pass_over(a, args);
    rcr_status status = check_uses(a, args, err);
    if (status == RCR_OK) status = check_split(&o->split, args, err);
    if (status == RCR_OK) status = choose_sizes(o, args, err);
    if (status != RCR_OK) return status;
    o->model.architecture = (rcr_architecture)a->model;
    o->model.task = (rcr_task_kind)a->task;
    o->model.depth = shared ? a->steps : a->layers;
    o->model.gate = shared && a->gate;
    o->model.layer_norm = shared && a->layer_norm;
    o->optimizer = (rcr_optimizer_kind)a->optimizer;
    o->init_head = (rcr_init_head)a->init_head;
    o->loss = (rcr_loss_kind)a->loss;
    o->schedule = (rcr_schedule_kind)a->schedule;
    o->n_milestones = a->milestones.n;
    memcpy(o->milestone, a->milestones.item, (size_t)a->milestones.n * sizeof *o->milestone);
    rcr_graph_args_finish(&a->graph);
    o->graph = a->graph.options;
    o->split.seed = rcr_args_find(args, "split-seed")->given ? a->split_seed : o->seed;
    o->split.group = (rcr_split_group)a->group;
    if ((rcr_args_find(args, "folds")->given == RCR_GIVEN_NOT) != (rcr_args_find(args, "fold")->given == RCR_GIVEN_NOT))
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "--folds and --fold go together: how many there are, and which one tests");
    if (o->split.kind == RCR_SPLIT_FILE && (o->split.folds != 0 || o->split.group != RCR_GROUP_NONE))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "--folds and --group don't go with a split from a file");
    o->split.file = o->split.kind == RCR_SPLIT_FILE ? a->split : NULL;
    o->n_threads = a->threads;
    o->kernels = a->kernels;
    o->strict = a->strict;
    note_asked(o, args);
    rcr_train_options_settle(o);
    return find_init(a, err);
}

#define NUMBER(option, type, target, low, high, text)                                                                  \
    {                                                                                                                  \
        .name = option, .kind = type, .value_name = type == RCR_ARG_DOUBLE ? "X" : "N", .value = target, .min = low,   \
        .max = high, .help = text                                                                                      \
    }
#define WORDS(option, type, words, target, text)                                                                       \
    { .name = option, .kind = type, .value_name = words, .value = target, .help = text }
#define HEADING(table, text)                                                                                           \
    { .kind = RCR_ARG_HEADING, .value_name = table, .help = text }
#define FLAG(option, target, text)                                                                                     \
    { .name = option, .kind = RCR_ARG_FLAG, .value = target, .help = text }

void rcr_train_args_init(rcr_train_args *a) {
    set_defaults(a);
    rcr_train_options *o = &a->options;
    const rcr_arg table[] = {
        HEADING("data", "what to learn"),
        {.name = "data",
         .kind = RCR_ARG_TEXT,
         .value_name = "DATA",
         .value = &a->data,
         .help = "the dataset",
         .place = RCR_ARG_FILE_ONLY,
         .path = RCR_ARG_PATH,
         .alias = "path"},
        WORDS(
            "target", RCR_ARG_TEXT, "NAME", &o->target,
            "column to learn; needed where there are several; NAME,NAME learns several at once, empty cells left out"),
        WORDS("unit", RCR_ARG_TEXT, "TEXT", &o->unit, "unit of the target, such as eV/atom; kept in the model"),
        WORDS("weights", RCR_ARG_TEXT, "NAME", &o->weights,
              "column of what each row counts in the loss, 0 or more; 0 leaves a row out of the training part"),
        WORDS("transform", RCR_ARG_TEXT, "none|log|log1p|signed-log|asinh|box-cox|yeo-johnson", &o->transform,
              "what is learnt of the target, undone in predictions; of several targets one for all or one for each"),
        WORDS("task", RCR_ARG_CHOICE, "regression|classification", &a->task, "a number, or class 0 or 1"),
        HEADING("model", "model"),
        WORDS("model", RCR_ARG_CHOICE, "sr-cgcnn|cgcnn", &a->model,
              "one convolution used again at every step, or one for each layer"),
        NUMBER("steps", RCR_ARG_INT32, &a->steps, 1, 1000, "sr-cgcnn: message-passing steps"),
        NUMBER("layers", RCR_ARG_INT32, &a->layers, 1, 1000, "cgcnn: convolution layers"),
        FLAG("gate", &a->gate, "sr-cgcnn: a learnt gate between the old and the new atom vectors"),
        FLAG("layer-norm", &a->layer_norm, "sr-cgcnn: a LayerNorm after every step"),
        NUMBER("atom-features", RCR_ARG_INT32, &o->model.atom_features, 1, 4096, "length of an atom's vector"),
        NUMBER("hidden", RCR_ARG_INT32, &o->model.hidden, 1, 65536, "width of the layers after pooling"),
        NUMBER("hidden-layers", RCR_ARG_INT32, &o->model.hidden_layers, 1, 1000, "number of layers after pooling"),
        HEADING("training", "training"),
        NUMBER("epochs", RCR_ARG_INT32, &o->epochs, 1, 10000000, "passes over the training part"),
        NUMBER("batch-size", RCR_ARG_INT32, &o->batch_size, 1, 1000000, "crystals in a batch"),
        {.name = "init",
         .kind = RCR_ARG_TEXT,
         .value_name = "MODEL",
         .value = &o->init,
         .path = RCR_ARG_PATH_OR_NAME,
         .help =
             "begin with the weights of this model, run or shipped model, and with its options of network and graphs"},
        WORDS("init-head", RCR_ARG_CHOICE, "auto|fresh|keep", &a->init_head,
              "the model's last layer: kept where it predicts the same targets, or fresh, or kept"),
        WORDS("freeze", RCR_ARG_TEXT, "PART,PART", &o->freeze,
              "leave parts as they are: embedding, conv (with its norms), hidden, output"),
        NUMBER("deep-supervision", RCR_ARG_DOUBLE, &o->deep_supervision, 0, 1000,
               "sr-cgcnn: the readouts after earlier steps are trained too, with this weight"),
        WORDS("optimizer", RCR_ARG_CHOICE, "adam|sgd|adamw", &a->optimizer, "how weights are updated"),
        {.name = "lr",
         .kind = RCR_ARG_DOUBLE,
         .value_name = "X",
         .value = &o->lr,
         .max = 1000,
         .above_min = 1,
         .help = "learning rate at the start"},
        WORDS("schedule", RCR_ARG_CHOICE, "multistep|constant|cosine|one-cycle|plateau", &a->schedule,
              "how the learning rate changes"),
        {.name = "lr-milestones",
         .kind = RCR_ARG_LIST,
         .value_name = "N,N,...",
         .value = &a->milestones,
         .min = 1,
         .max = 1e7,
         .help = "multistep: epochs after which the learning rate is multiplied by --lr-gamma"},
        NUMBER("lr-gamma", RCR_ARG_DOUBLE, &o->lr_gamma, 0, 1000, "multistep, plateau: that factor"),
        NUMBER("lr-final", RCR_ARG_DOUBLE, &o->lr_final, 0, 1, "cosine, one-cycle: the last rate as a share of --lr"),
        NUMBER("plateau-patience", RCR_ARG_INT32, &o->plateau_patience, 0, 10000000,
               "plateau: epochs without a better score before the rate is multiplied"),
        NUMBER("warmup", RCR_ARG_DOUBLE, &o->warmup, 0, 10000000, "epochs in which the rate grows to --lr"),
        WORDS("loss", RCR_ARG_CHOICE, "mse|l1|huber|gaussian", &a->loss,
              "of a regression's errors; gaussian predicts a standard deviation beside each value"),
        NUMBER("huber-delta", RCR_ARG_DOUBLE, &o->huber_delta, 0, 1e6,
               "huber: errors past so many standard deviations of the targets count linearly"),
        NUMBER("gaussian-beta", RCR_ARG_DOUBLE, &o->gaussian_beta, 0, 1,
               "gaussian: gradients times the variance to this power; 0.5 keeps the values as exact as mse does"),
        WORDS("class-weights", RCR_ARG_TEXT, "balanced|W0,W1", &o->class_weights,
              "classification: what rows of each class count in the loss"),
        NUMBER("clip", RCR_ARG_DOUBLE, &o->clip, 0, 1e9, "largest norm of the gradient; 0: as it comes"),
        NUMBER("average", RCR_ARG_DOUBLE, &o->average, 0, 0.999999,
               "keep a moving average of the weights, with this share of the old; 0: none"),
        NUMBER("patience", RCR_ARG_INT32, &o->patience, 0, 10000000,
               "stop after so many epochs without a better validation score; 0: never"),
        NUMBER("momentum", RCR_ARG_DOUBLE, &o->momentum, 0, 1, "sgd: momentum"),
        NUMBER("weight-decay", RCR_ARG_DOUBLE, &o->weight_decay, 0, 1000, "weight decay"),
        NUMBER("beta1", RCR_ARG_DOUBLE, &o->beta1, 0, 0.999999, "adam, adamw: share of the old in the mean gradient"),
        NUMBER("beta2", RCR_ARG_DOUBLE, &o->beta2, 0, 0.999999999, "adam, adamw: the same for its square"),
        {.name = "eps",
         .kind = RCR_ARG_DOUBLE,
         .value_name = "X",
         .value = &o->eps,
         .min = 1e-30,
         .max = 1,
         .help = "adam, adamw: added to the root of that"},
        NUMBER("dropout", RCR_ARG_DOUBLE, &o->dropout, 0, 0.99, "classification: dropout before the hidden layers"),
        NUMBER("ensemble", RCR_ARG_INT32, &o->ensemble, 1, 100,
               "networks to train one after the other, with other weights and orders; predictions are their mean"),
        WORDS("seed", RCR_ARG_UINT64, "N", &o->seed, "weights, split, order and dropout all come from it"),
        HEADING("split", "which rows train, choose the best model, and judge it"),
        {.name = "split",
         .kind = RCR_ARG_TEXT,
         .value_name = "random|reference|highest|lowest|sklearn|FILE",
         .value = &a->split,
         .path = RCR_ARG_PATH,
         .help = "random; the rows the reference program would choose; the highest or lowest targets test, for "
                 "extrapolation; the folds of scikit-learn's KFold; or a CSV file with the header id,part and the "
                 "parts train, val and test"},
        WORDS("group", RCR_ARG_CHOICE, "none|formula|chemical-system|prototype", &a->group,
              "what must not stand on both sides of the split"),
        NUMBER("folds", RCR_ARG_INT32, &o->split.folds, 2, 1000000, "cross-validation: equal test parts, and"),
        NUMBER("fold", RCR_ARG_INT32, &o->split.fold, 0, 999999, "which of them tests, from 0"),
        NUMBER("repeat", RCR_ARG_INT32, &o->split.repeat, 0, 9999, "another deal of the rows or folds, from 0"),
        {.name = "split-seed",
         .kind = RCR_ARG_UINT64,
         .value_name = "N",
         .value = &a->split_seed,
         .help = "of the split alone; --seed when not given",
         .no_default = 1},
        NUMBER("train-ratio", RCR_ARG_DOUBLE, &o->split.train_ratio, 0, 1,
               "share of the rows; when not given, what the other parts leave"),
        NUMBER("val-ratio", RCR_ARG_DOUBLE, &o->split.val_ratio, 0, 1, "share of the rows"),
        NUMBER("test-ratio", RCR_ARG_DOUBLE, &o->split.test_ratio, 0, 1, "share of the rows"),
        NUMBER("train-size", RCR_ARG_INT64, &o->split.train_size, 1, 1e15, "rows, in place of the ratio"),
        NUMBER("val-size", RCR_ARG_INT64, &o->split.val_size, 1, 1e15, "rows, in place of the ratio"),
        NUMBER("test-size", RCR_ARG_INT64, &o->split.test_size, 1, 1e15, "rows, in place of the ratio"),
        HEADING("graph", "graph (kept in the model)"),
        RCR_GRAPH_ARG_ROWS(a->graph),
        HEADING("run", "running"),
        {.name = "config",
         .kind = RCR_ARG_TEXT,
         .value_name = "FILE",
         .value = &a->config,
         .place = RCR_ARG_LINE_ONLY,
         .help = "read settings from a TOML file, such as the config.toml of a run; the command line wins"},
        {.name = "out",
         .kind = RCR_ARG_TEXT,
         .value_name = "RUN",
         .value = &a->out,
         .path = RCR_ARG_PATH,
         .help = "run directory; runs/DATA-MODEL-N when not given"},
        {.name = "resume",
         .kind = RCR_ARG_TEXT,
         .value_name = "RUN",
         .value = &a->resume,
         .place = RCR_ARG_LINE_ONLY,
         .help = "go on with a run that was stopped, exactly where it stopped"},
        RCR_THREADS_ARG(a->threads),
        RCR_KERNELS_ARG(a->kernels),
        FLAG("strict", &a->strict, "stop at the first row that can't be used"),
        FLAG("quiet", &a->quiet, "no progress; only errors and the final scores"),
    };
    _Static_assert(sizeof table <= sizeof a->arg, "RCR_TRAIN_ARGS_MAX");
    memcpy(a->arg, table, sizeof table);
    a->n_args = sizeof table / sizeof *table;
}
