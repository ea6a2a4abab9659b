/* JSON written piece by piece. */
#ifndef RCR_BASE_JSON_TEXT_H
#define RCR_BASE_JSON_TEXT_H

#include "base/text.h"

/* Append a JSON string in quotes; bytes that are not UTF-8 become U+FFFD. */
void rcr_json_string(rcr_text *out, const char *text);
/* 1 when all of the text is UTF-8. */
int rcr_is_utf8(const char *text);
/* Append a JSON number, or null for what JSON has no number for. */
void rcr_json_number(rcr_text *out, double value);

#endif
