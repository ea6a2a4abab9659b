/* JSON written piece by piece. */
#ifndef RCR_BASE_JSON_TEXT_H
#define RCR_BASE_JSON_TEXT_H

#include "base/text.h"
#include "recryst.h"

/* 1 when all of the text is UTF-8. */
int rcr_is_utf8(const char *text);
/* RCR_ERR_ARGUMENT, naming it, where what has to be kept as it is is not. */
rcr_status rcr_check_utf8(const char *what, const char *text, rcr_error *err);
/* Append the text; bytes that are not UTF-8 become U+FFFD. */
void rcr_text_utf8(rcr_text *out, const char *text);
/* Append a JSON string in quotes; bytes that are not UTF-8 become U+FFFD. */
void rcr_json_string(rcr_text *out, const char *text);
/* Append a JSON number, or null for what JSON has no number for. */
void rcr_json_number(rcr_text *out, double value);

#endif
