/* The settings of a run as a table of fields, so that the checkpoint, config.toml and the report all tell the same. */
#ifndef RCR_TRAIN_OPTIONS_H
#define RCR_TRAIN_OPTIONS_H

#include "base/text.h"
#include "train/train.h"

typedef enum rcr_field_kind {
    RCR_FIELD_INT32 = 0,
    RCR_FIELD_INT64,
    RCR_FIELD_UINT64,
    RCR_FIELD_DOUBLE,
    RCR_FIELD_FLAG, /* int32_t, 0 or 1 */
    RCR_FIELD_TEXT, /* const char *, may be NULL */
    RCR_FIELD_CHOICE,
    RCR_FIELD_MILESTONES
} rcr_field_kind;

enum { RCR_OPTION_NAME = 32 }; /* room for the name of an option */

typedef struct rcr_option_field {
    const char *section, *name;
    rcr_field_kind kind;
    size_t offset;             /* in rcr_train_options */
    const char *const *choice; /* RCR_FIELD_CHOICE: the enumeration's names in order, then NULL */
    const char *comment;
} rcr_option_field;

extern const rcr_option_field rcr_option_fields[];
extern const size_t rcr_n_option_fields;

/* The option that sets the field, with '_' for '-'; NULL where there is nothing to tell: the option is not given then,
 * or another one of the same thing is. */
const char *rcr_option_name(const rcr_option_field *field, const rcr_train_options *options);

/* The same as it is written on the command line, without its dashes: with '-' for '_'.  Returns buffer. */
const char *rcr_option_spelled(char buffer[RCR_OPTION_NAME], const rcr_option_field *field,
                               const rcr_train_options *options);

/* Append the value as plain text ("0.001", "adam", "100,200", "" for a NULL string). */
void rcr_option_format(rcr_text *out, const rcr_option_field *field, const rcr_train_options *options);

/* 1: the two have the same value, 0: another one, -1: out of memory. */
int rcr_option_alike(const rcr_option_field *field, const rcr_train_options *a, const rcr_train_options *b);

/* Set a field from such text.  Strings are copied and owned by the options from then on (rcr_train_options_release).
 * Errors: RCR_ERR_PARSE, RCR_ERR_MEMORY. */
rcr_status rcr_option_parse(rcr_train_options *options, const rcr_option_field *field, const char *text,
                            rcr_error *err);

/* Remember that a field of network or graphs was asked for, so that a model to begin with must have the same; nothing
 * for other fields. */
void rcr_train_options_ask(rcr_train_options *options, const rcr_option_field *field);

/* The options of network and graphs become those of the model to begin with.  An option that was asked for, or is not
 * the default, must say the same: RCR_ERR_MISMATCH names it.  What disordered crystals become may differ: a model that
 * refused them may be trained on with them. */
rcr_status rcr_train_options_adopt(rcr_train_options *options, const rcr_model *init, rcr_error *err);

/* One spelling of what comes to the same: a transform that is "none" for every target becomes NULL, but for beside a
 * model to begin with, whose transform it may contradict.  A text that is left out so is not freed. */
void rcr_train_options_settle(rcr_train_options *options);

/* Which option is out of range, and what is allowed.  Errors: RCR_ERR_ARGUMENT. */
rcr_status rcr_train_options_check(const rcr_train_options *options, rcr_error *err);

/* A copy with strings of its own, and freeing them. */
rcr_status rcr_train_options_copy(rcr_train_options *out, const rcr_train_options *options, rcr_error *err);
void rcr_train_options_release(rcr_train_options *options);

/* Replace a path that the options own (or NULL) by an absolute one, so that the settings can be repeated from
 * elsewhere. Errors: RCR_ERR_IO, RCR_ERR_MEMORY. */
rcr_status rcr_option_make_absolute(const char **option, rcr_error *err);

/* Names as they stand in settings: "sr-cgcnn", "regression", "adam", "random". */
const char *rcr_architecture_name(rcr_architecture architecture);
const char *rcr_task_name(rcr_task_kind task);
const char *rcr_optimizer_name(rcr_optimizer_kind optimizer);
const char *rcr_loss_name(rcr_loss_kind loss);
const char *rcr_schedule_name(rcr_schedule_kind schedule);
const char *rcr_split_kind_name(rcr_split_kind kind);
const char *rcr_split_group_name(rcr_split_group group);

#endif
