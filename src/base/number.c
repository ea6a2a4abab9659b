/* Decimal text to double, correctly rounded (ties to even) without the C library, whose strtod obeys the locale. */
#include <math.h>
#include <string.h>

#include "base/text.h"

/* What was read: digits d as an integer times 10^exponent.  Digits beyond KEPT only say whether anything follows. */
enum { KEPT = 800, WORDS = 288 };
typedef struct decimal {
    int n_digits;
    unsigned char digit[KEPT + 1];
    int64_t exponent;
} decimal;

/* A natural number, 32-bit words from the least significant on. */
typedef struct big {
    int n;
    uint32_t word[WORDS];
} big;

static void big_multiply_add(big *a, uint32_t factor, uint32_t addend) {
    uint64_t carry = addend;
    for (int i = 0; i < a->n; i++) {
        carry += (uint64_t)a->word[i] * factor;
        a->word[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0) a->word[a->n++] = (uint32_t)carry;
}

static void big_times_power_of_10(big *a, int64_t exponent) {
    for (; exponent >= 9; exponent -= 9) big_multiply_add(a, 1000000000u, 0);
    for (; exponent > 0; exponent--) big_multiply_add(a, 10u, 0);
}

static int big_bits(const big *a) {
    if (a->n == 0) return 0;
    int bits = 32 * (a->n - 1);
    for (uint32_t top = a->word[a->n - 1]; top != 0; top >>= 1) bits++;
    return bits;
}

static void big_shift_left(big *a, int bits) {
    int words = bits / 32, rest = bits % 32;
    if (a->n == 0) return;
    a->word[a->n] = 0;
    for (int i = a->n; i >= 0; i--) {
        uint32_t high = a->word[i] << rest;
        uint32_t low = rest > 0 && i > 0 ? a->word[i - 1] >> (32 - rest) : 0;
        a->word[i + words] = high | low;
    }
    memset(a->word, 0, (size_t)words * sizeof a->word[0]);
    a->n += words + 1;
    while (a->n > 0 && a->word[a->n - 1] == 0) a->n--;
}

static int big_compare(const big *a, const big *b) {
    if (a->n != b->n) return a->n < b->n ? -1 : 1;
    for (int i = a->n - 1; i >= 0; i--)
        if (a->word[i] != b->word[i]) return a->word[i] < b->word[i] ? -1 : 1;
    return 0;
}

/* a <- a - b, a >= b. */
static void big_subtract(big *a, const big *b) {
    uint64_t borrow = 0;
    for (int i = 0; i < a->n; i++) {
        uint64_t take = (i < b->n ? b->word[i] : 0) + borrow;
        borrow = a->word[i] < take;
        a->word[i] = (uint32_t)(a->word[i] - take);
    }
    while (a->n > 0 && a->word[a->n - 1] == 0) a->n--;
}

/* The double nearest to quotient * 2^exponent, where `sticky` says that a positive remainder below one unit follows.
 * quotient >= 2^55. */
static double round_quotient(uint64_t quotient, int exponent, int sticky) {
    int length = 64;
    while (quotient >> (length - 1) == 0) length--;
    /* Bits kept: 53, or fewer where the result is subnormal. */
    int kept = 53, top = exponent + length; /* value in [2^(top-1), 2^top) */
    if (top - 53 < -1074) kept = top + 1074;
    if (kept < 0) return 0;
    int dropped = length - kept;
    uint64_t half = (uint64_t)1 << (dropped - 1);
    uint64_t mantissa = dropped < 64 ? quotient >> dropped : 0;
    uint64_t rest = dropped < 64 ? quotient & (((uint64_t)1 << dropped) - 1) : quotient;
    if (rest > half || (rest == half && (sticky || (mantissa & 1)))) mantissa++;
    return ldexp((double)mantissa, exponent + dropped); /* exact: mantissa <= 2^53, or overflow to infinity */
}

/* Any decimal, by long division of big numbers. */
static double convert_slowly(const decimal *d) {
    int64_t magnitude = d->exponent + d->n_digits; /* value < 10^magnitude */
    if (magnitude > 310) return INFINITY;
    if (magnitude < -330) return 0;
    big numerator = {0}, denominator = {1, {1}};
    for (int i = 0; i < d->n_digits; i++) big_multiply_add(&numerator, 10, d->digit[i]);
    if (d->exponent >= 0)
        big_times_power_of_10(&numerator, d->exponent);
    else
        big_times_power_of_10(&denominator, -d->exponent);
    /* Scale so that the quotient has 62 or 63 bits, then divide bit by bit. */
    int shift = 63 - (big_bits(&numerator) - big_bits(&denominator));
    if (shift >= 0)
        big_shift_left(&numerator, shift);
    else
        big_shift_left(&denominator, -shift);
    big_shift_left(&denominator, 63);
    uint64_t quotient = 0;
    for (int i = 0; i < 64; i++) {
        quotient <<= 1;
        if (big_compare(&numerator, &denominator) >= 0) {
            big_subtract(&numerator, &denominator);
            quotient |= 1;
        }
        big_shift_left(&numerator, 1);
    }
    return round_quotient(quotient, -shift, numerator.n > 0);
}

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 u128;

/* w / 10^k = (w / 5^k) * 2^-k, exactly rounded; w > 0, 0 < k <= 27, so that 5^k fits in 64 bits. */
static double divide_by_power_of_10(uint64_t w, int k) {
    uint64_t divisor = 1;
    for (int i = 0; i < k; i++) divisor *= 5;
    int w_bits = 64, divisor_bits = 64;
    while (w >> (w_bits - 1) == 0) w_bits--;
    while (divisor >> (divisor_bits - 1) == 0) divisor_bits--;
    int shift = 63 + divisor_bits - w_bits; /* the quotient has 63 or 64 bits */
    u128 numerator = (u128)w << shift;
    return round_quotient((uint64_t)(numerator / divisor), -shift - k, numerator % divisor != 0);
}
#endif

static double convert(const decimal *d) {
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->n_digits == 0) return 0;
    if (d->n_digits > 19) return convert_slowly(d);
    uint64_t w = 0;
    for (int i = 0; i < d->n_digits; i++) w = 10 * w + d->digit[i];
    /* Both numbers are exact doubles: one rounding (Clinger 1990). */
    if (w <= (uint64_t)1 << 53 && d->exponent >= -22 && d->exponent <= 22)
        return d->exponent < 0 ? (double)w / power[-d->exponent] : (double)w * power[d->exponent];
#ifdef __SIZEOF_INT128__
    if (d->exponent < 0 && d->exponent >= -27) return divide_by_power_of_10(w, (int)-d->exponent);
#endif
    return convert_slowly(d);
}

static int parse_word(double *out, const char *text, size_t length) {
    if (rcr_equals_ignore_case(text, length, "nan"))
        *out = NAN;
    else if (rcr_equals_ignore_case(text, length, "inf") || rcr_equals_ignore_case(text, length, "infinity"))
        *out = INFINITY;
    else
        return 0;
    return 1;
}

/* The exponent's digits after e; clamped, since beyond 10^9 only the sign matters. */
static int parse_exponent(int64_t *out, const char *text, size_t length) {
    size_t i = 0;
    int negative = 0;
    if (i < length && (text[i] == '+' || text[i] == '-')) negative = text[i++] == '-';
    if (i == length) return 0;
    int64_t value = 0;
    for (; i < length; i++) {
        if (!rcr_is_digit((unsigned char)text[i])) return 0;
        if (value < 1000000000) value = 10 * value + (text[i] - '0');
    }
    *out = negative ? -value : value;
    return 1;
}

static void append_digit(decimal *d, int digit) {
    if (d->n_digits < KEPT) {
        if (d->n_digits > 0 || digit > 0) d->digit[d->n_digits++] = (unsigned char)digit;
    } else {
        d->exponent++;
        /* No halfway point between doubles has more than 767 digits: one more digit that is not 0 stands for all the
         * rest. */
        if (digit > 0) d->digit[KEPT - 1] |= 1;
    }
}

int rcr_parse_double(double *out, const char *text, size_t length) {
    size_t i = 0;
    int negative = 0;
    if (i < length && (text[i] == '+' || text[i] == '-')) negative = text[i++] == '-';
    double value;
    if (i < length && rcr_is_alpha((unsigned char)text[i])) {
        if (!parse_word(&value, text + i, length - i)) return 0;
    } else {
        decimal d;
        d.n_digits = 0;
        d.exponent = 0;
        int seen_digit = 0, seen_point = 0;
        int64_t exponent = 0;
        for (; i < length; i++) {
            int c = (unsigned char)text[i];
            if (rcr_is_digit(c)) {
                seen_digit = 1;
                append_digit(&d, c - '0');
                if (seen_point) d.exponent--;
            } else if (c == '.' && !seen_point) {
                seen_point = 1;
            } else {
                break;
            }
        }
        if (!seen_digit) return 0;
        if (i < length) {
            int c = rcr_ascii_lower((unsigned char)text[i]);
            if ((c != 'e' && c != 'd') || !parse_exponent(&exponent, text + i + 1, length - i - 1)) return 0;
        }
        d.exponent += exponent;
        /* Trailing zeros would only push short numbers off the fast way. */
        while (d.n_digits > 0 && d.digit[d.n_digits - 1] == 0) {
            d.n_digits--;
            d.exponent++;
        }
        value = convert(&d);
    }
    *out = negative ? -value : value;
    return 1;
}
