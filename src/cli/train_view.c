#include "cli/train_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "report/metrics.h"

/* ---- before the first epoch */

static void on_reading(void *context, size_t done, size_t total) {
    rcr_train_view *view = context;
    if (!rcr_terminal_due(&view->terminal)) return;
    char n[32], all[32], rate_text[32], left[32];
    double rate = (double)done / (rcr_now() - view->reading_since);
    double remaining = rate > 0 ? (double)(total - done) / rate : NAN;
    rcr_terminal_progress(&view->terminal, "reading: %s of %s rows, %s/s, %s left",
                          rcr_format_count(n, (long long)done), rcr_format_count(all, (long long)total),
                          rcr_format_count(rate_text, (long long)rate), rcr_format_duration(left, remaining));
}

static void on_member(void *context, int32_t member, int32_t n_members, uint64_t seed) {
    rcr_train_view *view = context;
    if (member > 1) rcr_terminal_line(&view->terminal, "%s", "");
    view->n_networks = n_members;
    view->network = member;
    view->n_epochs_seen = 0;
    rcr_terminal_line(&view->terminal, "network %d of %d, seed %llu", (int)member, (int)n_members,
                      (unsigned long long)seed);
}

static void on_data_read(void *context, const rcr_dataset *dataset) {
    rcr_train_view *view = context;
    char rows[32], usable[32], seconds[32];
    rcr_terminal_line(&view->terminal, "data       %s: %s rows, %s usable, read in %s", dataset->name,
                      rcr_format_count(rows, (long long)dataset->n_rows),
                      rcr_format_count(usable, (long long)dataset->n),
                      rcr_format_duration(seconds, rcr_now() - view->reading_since));
    if (dataset->n_bad > 0) {
        char reason[sizeof(rcr_error) + 16];
        rcr_error_format(reason, sizeof reason, &dataset->bad[0].error);
        rcr_terminal_line(&view->terminal, "           first unusable row: %s: %s", dataset->bad[0].id, reason);
    }
    view->several = dataset->n_targets > 1;
    double *target = rcr_calloc(dataset->n, sizeof *target);
    if (target == NULL) return; /* only display is at stake */
    for (size_t k = 0; k < dataset->n_targets && view->several; k++) {
        size_t n = 0;
        double sum = 0;
        for (size_t i = 0; i < dataset->n; i++) {
            double value = rcr_dataset_target(dataset, i, k);
            if (isnan(value)) continue;
            sum += value;
            target[n++] = value;
        }
        double std = rcr_metrics_std(target, n);
        int decimals = rcr_decimals_for(std);
        char mean[32], deviation[32];
        rcr_terminal_line(&view->terminal, "target     %s: %s rows, mean %s, standard deviation %s",
                          rcr_dataset_target_name(dataset, k), rcr_format_count(rows, (long long)n),
                          rcr_format_value(mean, sum / (double)n, decimals),
                          rcr_format_value(deviation, std, decimals));
    }
    if (view->several) {
        rcr_free(target);
        view->std = 1;
        return;
    }
    double sum = 0;
    for (size_t i = 0; i < dataset->n; i++) {
        target[i] = dataset->sample[i].target;
        sum += target[i];
        view->share += target[i] > 0.5;
    }
    view->mean = sum / (double)dataset->n;
    view->share /= (double)dataset->n;
    view->std = rcr_metrics_std(target, dataset->n);
    rcr_free(target);
}

void rcr_describe_architecture(rcr_text *out, const rcr_model_options *options) {
    int shared = options->architecture == RCR_SR_CGCNN;
    rcr_text_printf(out, "%s, %d %s%s%s%s", shared ? "sr-cgcnn" : "cgcnn", options->depth, shared ? "step" : "layer",
                    options->depth == 1 ? "" : "s", shared && options->gate ? ", learnt gate" : "",
                    shared && options->layer_norm ? ", LayerNorm" : "");
}

/* Of several targets the mean of their errors, each in units of its standard deviation. */
static const char *val_name(const rcr_train_view *view) {
    if (view->classes) return view->by_accuracy ? "val acc" : "val AUC";
    return view->several ? "val sMAE" : "val MAE";
}

static void show_head(rcr_train_view *view, const rcr_model *model, const rcr_split *split, const char *kernels,
                      int n_threads) {
    rcr_terminal *t = &view->terminal;
    char a[32], b[32], c[32];
    rcr_model_info info = rcr_model_describe(model);
    if (view->classes)
        rcr_terminal_line(t, "target     %s: %.1f %% of the rows are of class 1", model->targets[0].name,
                          100 * view->share);
    else if (!view->several)
        rcr_terminal_line(t, "target     %s: mean %s, standard deviation %s%s%s", model->targets[0].name,
                          rcr_format_value(a, view->mean, view->decimals),
                          rcr_format_value(b, view->std, view->decimals), view->unit[0] != '\0' ? " " : "", view->unit);
    rcr_terminal_line(t, "split      %s train, %s validation, %s test", rcr_format_count(a, (long long)split->n_train),
                      rcr_format_count(b, (long long)split->n_val), rcr_format_count(c, (long long)split->n_test));
    rcr_text architecture = {0};
    rcr_describe_architecture(&architecture, &model->options);
    rcr_terminal_line(t, "model      %s: %s parameters, %s of them in the convolutions",
                      architecture.failed ? "" : architecture.data, rcr_format_count(a, info.n_parameters),
                      rcr_format_count(b, info.n_conv_parameters));
    rcr_text_free(&architecture);
    rcr_terminal_line(t, "computing  %s kernels, %d thread%s", kernels, n_threads, n_threads == 1 ? "" : "s");
    rcr_terminal_line(t, "run        %s (Ctrl-C stops; the run can then be resumed)", view->run_directory);
    rcr_terminal_line(t, "%s", "");
    /* Under "train" the scores of the epoch's own batches, weights still moving; under "val" those after it. */
    rcr_terminal_line(t, "%11s  %10s  %10s  %10s  %9s  %9s%s%s", "epoch", "loss",
                      view->classes   ? "train acc"
                      : view->several ? "train sMAE"
                                      : "train MAE",
                      val_name(view), "lr", "time", view->unit[0] != '\0' ? "   MAE in " : "", view->unit);
}

static void on_started(void *context, const rcr_model *model, const rcr_split *split, const char *choice,
                       const char *kernels, int n_threads) {
    rcr_train_view *view = context;
    view->classes = model->options.task == RCR_CLASSIFICATION;
    view->by_accuracy = strcmp(choice, "accuracy") == 0;
    int has_unit = !view->classes && !view->several;
    snprintf(view->unit, sizeof view->unit, "%s", has_unit ? model->targets[0].unit : "");
    view->decimals = view->classes ? 4 : rcr_decimals_for(view->std);
    view->n_train = split->n_train;
    show_head(view, model, split, kernels, n_threads);
    view->epoch_since = rcr_now();
}

/* ---- the epochs */

double rcr_train_view_left(const rcr_train_view *view, int32_t epoch, double whole, double inside) {
    int32_t networks = view->network > 0 ? view->n_networks - view->network : 0;
    double epochs = view->n_epochs - epoch + (double)view->n_epochs * networks;
    return whole * epochs + (whole > inside ? whole - inside : 0);
}

static void on_batch_done(void *context, int32_t epoch, int32_t batch, int32_t n_batches, size_t crystals_done) {
    rcr_train_view *view = context;
    /* A log gets a line for each epoch, and needs these only where an epoch takes minutes. */
    if (!rcr_terminal_due(&view->terminal) || (!view->terminal.live && batch == n_batches)) return;
    double inside = rcr_now() - view->epoch_since;
    double fraction = (double)batch / n_batches;
    double whole = view->n_epochs_seen > 0 ? view->epoch_seconds : inside / fraction;
    char rate[32], left[32] = "?", score[96] = "", last[32], best[32];
    if (view->n_epochs > 0) rcr_format_duration(left, rcr_train_view_left(view, epoch, whole, inside));
    if (view->n_epochs_seen > 0)
        snprintf(score, sizeof score, "%s %s, best %s at %d | ", val_name(view),
                 rcr_format_value(last, view->last_score, view->decimals),
                 rcr_format_value(best, view->best_score, view->decimals), view->best_epoch);
    char of[16] = "";
    if (view->n_epochs > 0) snprintf(of, sizeof of, "/%d", view->n_epochs);
    rcr_terminal_progress(&view->terminal, "epoch %d%s, batch %d/%d | %s%s crystals/s | %s left", epoch, of, batch,
                          n_batches, score, rcr_format_count(rate, (long long)((double)crystals_done / inside)), left);
}

/* On a terminal about twenty lines of a run stay; in a log all. */
static int is_kept(const rcr_train_view *view, int32_t epoch, int32_t n_epochs) {
    int32_t every = (n_epochs + 19) / 20;
    return !view->terminal.live || view->n_epochs_seen == 1 || epoch == n_epochs || epoch % every == 0;
}

static void on_epoch_done(void *context, const rcr_epoch *epoch, int32_t n_epochs) {
    rcr_train_view *view = context;
    double now = rcr_now(), length = now - view->epoch_since;
    view->epoch_since = now;
    view->epoch_seconds = view->n_epochs_seen == 0 ? length : 0.7 * view->epoch_seconds + 0.3 * length;
    view->n_epochs = n_epochs;
    view->n_epochs_seen++;
    view->last_score = epoch->val_score;
    if (epoch->is_best) {
        view->best_score = epoch->val_score;
        view->best_epoch = epoch->epoch;
    } else if (view->n_epochs_seen == 1) {
        view->best_score = NAN; /* resumed: of an epoch before this process */
    }
    if (view->terminal.quiet || !is_kept(view, epoch->epoch, n_epochs)) return;
    char counter[32], lr[32], seconds[32], train[32], val[32];
    snprintf(counter, sizeof counter, "%d/%d", epoch->epoch, n_epochs);
    snprintf(lr, sizeof lr, "%.4g", epoch->lr);
    rcr_terminal_line(&view->terminal, "%11s  %10.5f  %10s  %10s  %9s  %9s%s", counter, epoch->train_loss,
                      rcr_format_value(train, epoch->train_score, view->decimals),
                      rcr_format_value(val, epoch->val_score, view->decimals), lr,
                      rcr_format_duration(seconds, epoch->seconds), epoch->is_best ? "  best" : "");
}

static void on_message(void *context, const char *text) {
    rcr_train_view *view = context;
    rcr_terminal_line(&view->terminal, "note: %s", text);
}

void rcr_train_view_init(rcr_train_view *view, rcr_train_events *events, const char *run_directory, int quiet) {
    memset(view, 0, sizeof *view);
    rcr_terminal_init(&view->terminal, quiet);
    view->run_directory = run_directory;
    view->reading_since = rcr_now();
    events->context = view;
    events->reading = on_reading;
    events->data_read = on_data_read;
    events->started = on_started;
    events->batch_done = on_batch_done;
    events->epoch_done = on_epoch_done;
    events->member = on_member;
    events->message = on_message;
}

/* ---- the end */

/* A score in its column; "-" for one that does not exist. */
static void put_score(rcr_text *out, double value, int decimals) {
    char text[32];
    rcr_text_printf(out, "  %10s", rcr_format_value(text, value, decimals));
}

void rcr_score_table(rcr_text *out, int classes, int decimals, const char *const *name, const rcr_score *const *score,
                     size_t n) {
    static const char *const regression[] = {"MAE", "RMSE", "R2", NULL};
    static const char *const classification[] = {"accuracy", "precision", "recall", "F1", "ROC AUC", NULL};
    size_t width = 10;
    for (size_t i = 0; i < n; i++)
        if (strlen(name[i]) > width) width = strlen(name[i]);
    rcr_text_printf(out, "%-*s  %9s", (int)width, "", "crystals");
    for (const char *const *h = classes ? classification : regression; *h != NULL; h++)
        rcr_text_printf(out, "  %10s", *h);
    rcr_text_puts(out, "\n");
    for (size_t i = 0; i < n; i++) {
        const rcr_score *s = score[i];
        char count[32];
        rcr_text_printf(out, "%-*s  %9s", (int)width, name[i], rcr_format_count(count, (long long)s->n));
        const double r[] = {s->mae, s->rmse, s->r2}, c[] = {s->accuracy, s->precision, s->recall, s->f1, s->auc};
        for (int k = 0; k < (classes ? 5 : 3); k++)
            put_score(out, classes ? c[k] : r[k], classes || k == 2 ? 4 : decimals);
        rcr_text_puts(out, "\n");
    }
}

void rcr_shell_word(rcr_text *out, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:,@%=";
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        rcr_text_puts(out, word);
        return;
    }
    rcr_text_puts(out, "'");
    for (const char *p = word; *p != '\0'; p++) {
        if (*p == '\'')
            rcr_text_puts(out, "'\\''");
        else
            rcr_text_append(out, p, 1);
    }
    rcr_text_puts(out, "'");
}

void rcr_train_view_result(rcr_text *out, const rcr_train_view *view, const rcr_train_result *result) {
    const char *const name[] = {"test", "validation", "train"};
    const rcr_score *const score[] = {&result->test, &result->val, &result->train};
    const char *run = view->run_directory;
    char seconds[32], std[32];
    int decimals = view->classes ? 4 : rcr_decimals_for(result->target_std);
    for (size_t k = 0; k < result->n_targets; k++) {
        const rcr_target_scores *t = &result->targets[k];
        const rcr_score *const of_target[] = {&t->part[2], &t->part[1], &t->part[0]};
        int places = rcr_decimals_for(t->test_std);
        rcr_text_printf(out, "%s (standard deviation of the test targets %s)\n", t->name,
                        rcr_format_value(std, t->test_std, places));
        rcr_score_table(out, 0, places, name, of_target, 3);
        rcr_text_puts(out, "\n");
    }
    if (result->n_targets > 1)
        rcr_text_printf(out,
                        "Test MAE in units of the training targets' standard deviations, mean of the targets: %.4f\n",
                        result->test.scaled);
    else
        rcr_score_table(out, view->classes, decimals, name, score, 3);
    if (!view->classes && result->n_targets <= 1 && result->target_std > 0) /* neither equal targets nor a single one */
        rcr_text_printf(out, "The test targets have a standard deviation of %s%s%s; the test MAE is %.1f %% of it.\n",
                        rcr_format_value(std, result->target_std, decimals), view->unit[0] != '\0' ? " " : "",
                        view->unit, 100 * (result->test.mae / result->target_std));
    if (view->n_networks > 1)
        rcr_text_printf(out,
                        "\nThese are the scores of the mean of %d networks, each of its best epoch by validation. ",
                        (int)view->n_networks);
    else
        rcr_text_printf(out, "\nThe model of epoch %d, the best of %d by validation, is kept. ", result->best_epoch,
                        result->epochs_done);
    rcr_text_printf(out, "Training took %s.\n\n", rcr_format_duration(seconds, result->seconds));
    rcr_text_printf(out, "model        %s/model.safetensors\n", run);
    rcr_text_printf(out, "predictions  %s/predictions-test.csv, predictions-val.csv, predictions-train.csv\n", run);
    rcr_text_printf(out, "report       %s/report.html (open it in a browser), metrics.csv, run_summary.json\n", run);
    rcr_text_puts(out, "to predict   recryst predict ");
    rcr_shell_word(out, run);
    rcr_text_puts(out, " FILE_OR_FOLDER...\n");
}
