/* Text for people, cut to fit: never within a character of UTF-8. */
#ifndef RCR_BASE_FORMAT_H
#define RCR_BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* The length of the UTF-8 sequence that text, which ends with NUL, begins with: 1 to 4; 0 when it is none. */
size_t rcr_utf8_length(const char *text);

/* How many of the first `length` bytes of a longer text are whole characters: without the beginning of one at the end.
 */
size_t rcr_whole_characters(const char *text, size_t length);

/* At most `most` bytes of text, as the precision of "%.*s" that shows it. */
int rcr_shown(const char *text, size_t length, size_t most);

/* As snprintf, but what "%.100s" or the end of the buffer cuts off begins with a character.  "%.*s" is left to the
 * caller (rcr_shown). */
void rcr_fit(char *to, size_t size, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
void rcr_vfit(char *to, size_t size, const char *format, va_list args);

#endif
