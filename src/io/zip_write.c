#include "io/zip_write.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"

enum { LOCAL_BYTES = 30, FIELD_BYTES = 4, MAX_MEMBERS = 65534, MAX_NAME = 1000, VERSION = 20, UTF8_NAMES = 1 << 11 };
/* The 1st of January 1980, the first day that the format can name. */
enum { NO_TIME = 0, NO_DATE = 1 << 5 | 1 };

static void put(rcr_text *out, uint64_t value, int n_bytes) {
    char bytes[8];
    for (int i = 0; i < n_bytes; i++) bytes[i] = (char)(value >> (8 * i) & 0xff);
    rcr_text_append(out, bytes, (size_t)n_bytes);
}

static void make_table(uint32_t table[256]) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t rest = i;
        for (int bit = 0; bit < 8; bit++) rest = (rest & 1) != 0 ? 0xedb88320u ^ rest >> 1 : rest >> 1;
        table[i] = rest;
    }
}

/* The CRC-32 of ISO 3309, as zip has it. */
static uint32_t crc32_of(const uint32_t table[256], const unsigned char *data, size_t length) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < length; i++) crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
    return ~crc;
}

/* What a member's two headers have in common, from the version on. */
static void put_common(rcr_text *out, const rcr_zip_member *m, uint32_t crc, size_t extra) {
    put(out, VERSION, 2);
    put(out, UTF8_NAMES, 2);
    put(out, 0, 2); /* stored */
    put(out, NO_TIME, 2);
    put(out, NO_DATE, 2);
    put(out, crc, 4);
    put(out, m->length, 4);
    put(out, m->length, 4);
    put(out, strlen(m->name), 2);
    put(out, extra, 2);
}

/* The padding before a member's data is an extra field of its header: "FB", its length, and as many zeros. */
static void put_local(rcr_text *out, const rcr_zip_member *m, uint32_t crc, size_t alignment) {
    static const char zeros[4096];
    size_t end = out->length + LOCAL_BYTES + strlen(m->name) + FIELD_BYTES;
    size_t padding = (alignment - end % alignment) % alignment;
    put(out, 0x04034b50, 4);
    put_common(out, m, crc, FIELD_BYTES + padding);
    rcr_text_puts(out, m->name);
    rcr_text_append(out, "FB", 2);
    put(out, padding, 2);
    rcr_text_append(out, zeros, padding);
    rcr_text_append(out, m->data, m->length);
}

static void put_central(rcr_text *out, const rcr_zip_member *m, uint32_t crc, size_t at) {
    put(out, 0x02014b50, 4);
    put(out, VERSION, 2); /* made by */
    put_common(out, m, crc, 0);
    put(out, 0, 2); /* comment */
    put(out, 0, 2); /* disk */
    put(out, 0, 2); /* internal attributes */
    put(out, 0, 4); /* external attributes */
    put(out, at, 4);
    rcr_text_puts(out, m->name);
}

static rcr_status check(const rcr_zip_member *member, size_t n, size_t alignment, rcr_error *err) {
    uint64_t total = 0;
    if (alignment < 1 || alignment > 4096 || (alignment & (alignment - 1)) != 0)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "members can't be aligned to %zu bytes", alignment);
    for (size_t i = 0; i < n; i++) {
        size_t name = strlen(member[i].name);
        if (name < 1 || name > MAX_NAME) return rcr_fail(err, RCR_ERR_ARGUMENT, "a member without a usable name");
        total += member[i].length + 2 * name + alignment + 128;
        if (n > MAX_MEMBERS || member[i].length > UINT32_MAX || total > UINT32_MAX - 64)
            return rcr_fail(err, RCR_ERR_LIMIT, "too much for a zip archive of less than 4 GiB");
    }
    return RCR_OK;
}

rcr_status rcr_zip_write(char **out, size_t *length, const rcr_zip_member *member, size_t n, size_t alignment,
                         rcr_error *err) {
    rcr_status status = check(member, n, alignment, err);
    if (status != RCR_OK) return status;
    struct place {
        uint32_t crc;
        size_t at;
    } *place = rcr_calloc(n, sizeof *place);
    if (place == NULL) return rcr_fail_memory(err, "writing a zip archive");
    uint32_t table[256];
    make_table(table);
    rcr_text text = {0};
    for (size_t i = 0; i < n; i++) {
        place[i].crc = crc32_of(table, member[i].data, member[i].length);
        place[i].at = text.length;
        put_local(&text, &member[i], place[i].crc, alignment);
    }
    size_t central = text.length;
    for (size_t i = 0; i < n; i++) put_central(&text, &member[i], place[i].crc, place[i].at);
    size_t end = text.length;
    put(&text, 0x06054b50, 4);
    put(&text, 0, 4); /* disks */
    put(&text, n, 2);
    put(&text, n, 2);
    put(&text, end - central, 4);
    put(&text, central, 4);
    put(&text, 0, 2); /* comment */
    rcr_free(place);
    if (text.failed) {
        rcr_text_free(&text);
        return rcr_fail_memory(err, "writing a zip archive");
    }
    *out = text.data;
    *length = text.length;
    return RCR_OK;
}
