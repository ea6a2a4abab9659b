#include "exchange/protobuf.h"

#include <string.h>

/* The wire types in use. */
enum { VARINT = 0, LENGTH_DELIMITED = 2, FIXED32 = 5 };

static void put_varint(rcr_text *out, uint64_t value) {
    char bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value > 0);
    rcr_text_append(out, bytes, n);
}

static void put_key(rcr_text *out, int field, int type) { put_varint(out, (uint64_t)field << 3 | (uint64_t)type); }

void rcr_proto_integer(rcr_text *out, int field, int64_t value) {
    put_key(out, field, VARINT);
    put_varint(out, (uint64_t)value);
}

void rcr_proto_float(rcr_text *out, int field, float value) {
    put_key(out, field, FIXED32);
    rcr_text_float32(out, value);
}

void rcr_proto_bytes(rcr_text *out, int field, const void *data, size_t length) {
    put_key(out, field, LENGTH_DELIMITED);
    put_varint(out, length);
    if (length > 0) rcr_text_append(out, data, length);
}

void rcr_proto_text(rcr_text *out, int field, const char *text) { rcr_proto_bytes(out, field, text, strlen(text)); }

void rcr_proto_message(rcr_text *out, int field, rcr_text *message) {
    if (message->failed) out->failed = 1;
    rcr_proto_bytes(out, field, message->data, message->length);
    rcr_text_free(message);
}
