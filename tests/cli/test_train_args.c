/* The table of fields that runs are recorded by, and the table of options: each field can be set by name, so that the
 * config.toml of a run can be read again whatever is added. */
#include "support/check.h"

#include "cli/train_args.h"

static void every_field_has_an_option(void **state) {
    (void)state;
    static const char *const other[][3] = {{"model", "architecture", "model"},
                                           {"model", "depth", "steps"},
                                           {"split", "kind", "split"},
                                           {"split", "file", "split"},
                                           {"split", "seed", "split-seed"}};
    rcr_train_args *a = calloc(1, sizeof *a);
    rcr_train_args_init(a);
    rcr_args args = {.command = "train", .arg = a->arg, .n_args = a->n_args};
    for (size_t i = 0; i < rcr_n_option_fields; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s", rcr_option_fields[i].name);
        for (size_t k = 0; k < sizeof other / sizeof *other; k++)
            if (strcmp(other[k][0], rcr_option_fields[i].section) == 0 && strcmp(other[k][1], name) == 0)
                snprintf(name, sizeof name, "%s", other[k][2]);
        for (char *c = name; *c != '\0'; c++)
            if (*c == '_') *c = '-';
        const rcr_arg *arg = rcr_args_find(&args, name);
        if (arg == NULL)
            fail_msg("%s.%s has no option --%s", rcr_option_fields[i].section, rcr_option_fields[i].name, name);
        assert_int_equal(arg->place, RCR_ARG_ANYWHERE);
    }
    /* Tables of a settings file: each section of a record is one. */
    for (size_t i = 0; i < rcr_n_option_fields; i++) {
        int found = 0;
        for (size_t k = 0; k < a->n_args; k++)
            found |= a->arg[k].kind == RCR_ARG_HEADING && a->arg[k].value_name != NULL &&
                     strcmp(a->arg[k].value_name, rcr_option_fields[i].section) == 0;
        if (!found) fail_msg("[%s] is no heading of the options", rcr_option_fields[i].section);
    }
    /* Choices have the same words in both. */
    for (size_t i = 0; i < rcr_n_option_fields; i++) {
        const rcr_option_field *field = &rcr_option_fields[i];
        const rcr_arg *arg = rcr_args_find(&args, field->name);
        if (field->kind != RCR_FIELD_CHOICE || arg == NULL || arg->kind != RCR_ARG_CHOICE) continue;
        char words[512] = "";
        for (int k = 0; field->choice[k] != NULL; k++)
            snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", k > 0 ? "|" : "", field->choice[k]);
        assert_string_equal(arg->value_name, words);
    }
    free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_field_has_an_option)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
