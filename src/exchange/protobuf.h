/* Writing protocol buffers (the wire format alone): fields appended to a text; a message within a message is a text of
 * its own, put in as bytes. */
#ifndef RCR_MODEL_PROTOBUF_H
#define RCR_MODEL_PROTOBUF_H

#include "base/text.h"

void rcr_proto_integer(rcr_text *out, int field, int64_t value);
void rcr_proto_float(rcr_text *out, int field, float value);
void rcr_proto_bytes(rcr_text *out, int field, const void *data, size_t length);
void rcr_proto_text(rcr_text *out, int field, const char *text);
/* Put a message in and empty it; a failure of the message becomes one of out. */
void rcr_proto_message(rcr_text *out, int field, rcr_text *message);

#endif
