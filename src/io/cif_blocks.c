#define _GNU_SOURCE /* memmem */
#include "io/cif_blocks.h"

#include <stdint.h>
#include <string.h>

#include "io/cif_internal.h"
#include "io/cif_tags.h"

/* "data_" in any case, at the beginning of a word. */
static int count_blocks(const char *text, size_t length, const char *tail, int most) {
    const char *p = text, *end = text + length;
    int n = 0;
    while (n < most && (p = memmem(p, (size_t)(end - p), tail, 4)) != NULL) {
        if (p > text && (p[-1] == 'd' || p[-1] == 'D') &&
            (p == text + 1 || (unsigned char)p[-2] <= ' ' || (unsigned char)p[-2] == 0xBF)) /* a byte-order mark */
            n++;
        p += 4;
    }
    return n;
}

int rcr_cif_may_have_blocks(const char *text, size_t length) {
    rcr_cif_lexer lexer;
    rcr_cif_lexer_start(&lexer, text, length);
    int first = rcr_cif_next(&lexer).kind != RCR_CIF_DATA; /* a block may come before the first data_ */
    int n = first + count_blocks(text, length, "ata_", 2);
    return n > 1 || n + count_blocks(text, length, "ATA_", 2) > 1;
}

/* What a block has been seen to hold. */
typedef struct contents {
    uint8_t length[3];   /* of the cell */
    uint8_t position[6]; /* fractional, Cartesian; of one site, outside a loop */
    int site;            /* in a loop */
} contents;

static int is_value(const rcr_cif_blocks *b) {
    return b->token.kind == RCR_CIF_BARE || b->token.kind == RCR_CIF_QUOTED;
}

static void advance(rcr_cif_blocks *b) { b->token = rcr_cif_next(&b->lexer); }

static void see_item(contents *c, rcr_cif_tag tag, const rcr_cif_token *value) {
    int tells = !rcr_cif_token_unknown(value);
    if (tag >= RCR_TAG_CELL && tag < RCR_TAG_CELL + 3) c->length[(int)tag - RCR_TAG_CELL] |= (uint8_t)tells;
    if (tag >= RCR_TAG_X && tag <= RCR_TAG_CART_Z) c->position[tag - RCR_TAG_X] = 1;
}

static void see_loop(contents *c, rcr_cif_blocks *b) {
    enum { MARKED = 64 };
    size_t n = 0, column = 0;
    uint64_t marks = 0; /* columns of the first 64 that tell whether a row is a site */
    uint8_t has[6] = {0};
    size_t marked_late = 0;
    advance(b);
    for (; b->token.kind == RCR_CIF_TAG; n++, advance(b)) {
        rcr_cif_tag tag = rcr_cif_find_tag(b->token.text, b->token.length);
        if (tag >= RCR_TAG_X && tag <= RCR_TAG_CART_Z) has[tag - RCR_TAG_X] = 1;
        if (tag != RCR_TAG_X && tag != RCR_TAG_CART_X && tag != RCR_TAG_LABEL && tag != RCR_TAG_TYPE) continue;
        if (n < MARKED)
            marks |= (uint64_t)1 << n;
        else
            marked_late = 1; /* a loop of more columns: any value will do */
    }
    int sites = (has[0] && has[1] && has[2]) || (has[3] && has[4] && has[5]);
    for (; is_value(b); advance(b)) {
        int marked = column < MARKED ? (int)(marks >> column & 1) : (int)marked_late;
        if (sites && marked && !rcr_cif_token_unknown(&b->token)) c->site = 1;
        if (++column >= n) column = 0;
    }
}

static int is_structure(const contents *c) {
    const uint8_t *p = c->position;
    return c->length[0] && c->length[1] && c->length[2] && (c->site || (p[0] && p[1] && p[2]));
}

void rcr_cif_blocks_start(rcr_cif_blocks *blocks, const char *text, size_t length) {
    rcr_cif_lexer_start(&blocks->lexer, text, length);
    advance(blocks);
}

/* Where the word of a data_ token begins. */
static const char *block_start(const rcr_cif_token *token) { return token->text - 5; }

int rcr_cif_blocks_next(const char **begin, const char **end, rcr_cif_blocks *b) {
    contents c = {{0}, {0}, 0};
    const char *start = b->token.kind == RCR_CIF_DATA ? block_start(&b->token) : b->lexer.begin;
    if (b->token.kind == RCR_CIF_DATA) advance(b);
    for (;;) {
        switch (b->token.kind) {
        case RCR_CIF_DATA:
        case RCR_CIF_END:
            if (is_structure(&c)) {
                *begin = start;
                *end = b->token.kind == RCR_CIF_END ? b->lexer.end : block_start(&b->token);
                return 1;
            }
            if (b->token.kind == RCR_CIF_END) return 0;
            memset(&c, 0, sizeof c);
            start = block_start(&b->token);
            advance(b);
            break;
        case RCR_CIF_LOOP: see_loop(&c, b); break;
        case RCR_CIF_TAG: {
            rcr_cif_tag tag = rcr_cif_find_tag(b->token.text, b->token.length);
            advance(b);
            if (!is_value(b)) break;
            see_item(&c, tag, &b->token);
            advance(b);
            break;
        }
        default: advance(b); break;
        }
    }
}
