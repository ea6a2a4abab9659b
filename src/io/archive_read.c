#include "io/archive_read.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "io/libarchive.h"

/* Members up to SMALL bytes lie in blocks of up to BLOCK, which go back to the system as a whole: single allocations of
 * a few kilobytes would stay behind as holes in the heap, as much memory as the archive holds.  The first block has
 * FIRST bytes, enough for a small archive, each further one twice those before. */
enum { MAX_MEMBERS = 1000000, MAX_NAME = 4096, CHUNK = 1 << 16, FIRST = 1 << 15, BLOCK = 4 << 20, SMALL = 1 << 18 };

static const char cannot_read[] = "can't read the archive";

/* Where a member is unpacked from, and to. */
typedef struct scratch {
    const rcr_archive_source *source;
    char *data;
    size_t capacity;
} scratch;

int rcr_is_safe_name(const char *name) {
    for (const char *part = name;;) {
        size_t length = strcspn(part, "/");
        if (length == 0 || (length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.'))
            return 0;
        if (part[length] == '\0') return 1;
        part += length + 1;
    }
}

/* "./a//b" -> "a/b" in place. */
static void clean(char *name) {
    char *to = name;
    for (const char *part = name; *part != '\0';) {
        size_t length = strcspn(part, "/");
        const char *next = part + length + (part[length] == '/');
        if (length > 0 && !(length == 1 && part[0] == '.')) {
            if (to != name) *to++ = '/';
            memmove(to, part, length);
            to += length;
        }
        part = next;
    }
    *to = '\0';
}

/* What macOS adds to archives of its own accord. */
static int is_clutter(const char *name) {
    const char *slash = strrchr(name, '/'), *base = slash != NULL ? slash + 1 : name;
    return strncmp(name, "__MACOSX/", 9) == 0 || strncmp(base, "._", 2) == 0 || strcmp(base, ".DS_Store") == 0;
}

static int append(rcr_members *members, rcr_member member) {
    if (members->n == members->capacity) {
        size_t capacity = members->capacity > 0 ? 2 * members->capacity : 64;
        rcr_member *grown = rcr_realloc(members->member, capacity, sizeof *grown);
        if (grown == NULL) return 0;
        members->member = grown;
        members->capacity = capacity;
    }
    members->member[members->n++] = member;
    return 1;
}

/* A copy of data[0 .. length) and a NUL in the newest block; length <= SMALL.  NULL: out of memory. */
static char *keep(rcr_members *members, const char *data, size_t length) {
    if (members->n_blocks == 0 || members->used + length + 1 > members->room) {
        size_t room = members->n_blocks == 0 ? FIRST : members->room < BLOCK ? 2 * members->room : BLOCK;
        while (room < length + 1) room *= 2;
        char **grown = rcr_realloc(members->block, members->n_blocks + 1, sizeof *grown);
        if (grown == NULL) return NULL;
        members->block = grown;
        grown[members->n_blocks] = rcr_malloc(room, 1);
        if (grown[members->n_blocks] == NULL) return NULL;
        members->n_blocks++;
        members->used = 0;
        members->room = room;
    }
    char *copy = members->block[members->n_blocks - 1] + members->used;
    memcpy(copy, data, length);
    copy[length] = '\0';
    members->used += length + 1;
    return copy;
}

static rcr_status grow(scratch *s, size_t capacity, rcr_error *err) {
    if (capacity <= s->capacity) return RCR_OK;
    char *grown = rcr_realloc(s->data, capacity, 1);
    if (grown == NULL) return rcr_fail_memory(err, "unpacking an archive");
    s->data = grown;
    s->capacity = capacity;
    return RCR_OK;
}

/* The bytes of the current member.  Its announced size is not asked for: memory grows with what really comes. */
static rcr_status unpack(size_t *length, scratch *s, struct archive *a, size_t room, rcr_error *err) {
    *length = 0;
    for (;;) {
        if (*length == s->capacity) {
            rcr_status status = grow(s, 2 * s->capacity + CHUNK, err);
            if (status != RCR_OK) return status;
        }
        la_ssize_t n = rcr_la.read_data(a, s->data + *length, s->capacity - *length);
        if (n < 0) return rcr_archive_fail(a, s->source, cannot_read, err);
        if (n == 0) return RCR_OK;
        *length += (size_t)n;
        if (*length > room)
            return rcr_fail(err, RCR_ERR_LIMIT, "the archive holds more than the %zu MiB that may be unpacked",
                            room >> 20);
    }
}

static rcr_status read_data(rcr_member *member, rcr_members *members, scratch *s, struct archive *a, size_t room,
                            rcr_error *err) {
    rcr_status status = unpack(&member->length, s, a, room, err);
    if (status != RCR_OK) return status;
    if (member->length <= SMALL) {
        member->data = keep(members, s->data, member->length);
    } else {
        member->data = member->own = rcr_realloc(s->data, member->length + 1, 1);
        if (member->own != NULL) {
            member->own[member->length] = '\0';
            s->data = NULL;
            s->capacity = 0;
        }
    }
    return member->data != NULL ? RCR_OK : rcr_fail_memory(err, "unpacking an archive");
}

static rcr_status read_entry(rcr_members *members, scratch *s, struct archive *a, struct archive_entry *entry,
                             size_t max_bytes, rcr_error *err) {
    /* The UTF-8 form does not depend on the host's locale; names in other encodings come as they are. */
    const char *path = rcr_la.entry_pathname_utf8(entry);
    if (path == NULL) path = rcr_la.entry_pathname(entry);
    if (path == NULL || strlen(path) > MAX_NAME)
        return rcr_fail(err, RCR_ERR_DATA, "a member of the archive has no name that can be read");
    if (rcr_la.entry_filetype(entry) == AE_IFDIR && rcr_la.entry_hardlink(entry) == NULL) return RCR_OK;
    if (rcr_la.entry_filetype(entry) != AE_IFREG || rcr_la.entry_hardlink(entry) != NULL ||
        rcr_la.entry_symlink(entry) != NULL)
        return rcr_fail(err, RCR_ERR_DATA,
                        "member \"%.200s\" of the archive is a link or a device; pack the files themselves", path);
    char *name = keep(members, path, strlen(path));
    if (name == NULL) return rcr_fail_memory(err, "unpacking an archive");
    clean(name);
    if (path[0] == '/' || !rcr_is_safe_name(name))
        return rcr_fail(err, RCR_ERR_DATA,
                        "member \"%.200s\" of the archive has an absolute name or one that leads out of it", path);
    if (is_clutter(name)) return RCR_OK;
    rcr_member member = {.name = name, .order = members->n};
    rcr_status status = read_data(&member, members, s, a, max_bytes - members->bytes, err);
    if (status != RCR_OK) return status;
    members->bytes += member.length;
    if (!append(members, member)) {
        rcr_free(member.own);
        return rcr_fail_memory(err, "unpacking an archive");
    }
    return RCR_OK;
}

static int by_name(const void *a, const void *b) {
    const rcr_member *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* Strip the one folder that everything lies in, if there is one. */
static void strip_top(rcr_members *members) {
    if (members->n == 0) return;
    const char *first = members->member[0].name;
    size_t top = strcspn(first, "/");
    if (first[top] == '\0') return;
    for (size_t i = 1; i < members->n; i++)
        if (strncmp(members->member[i].name, first, top + 1) != 0) return;
    for (size_t i = 0; i < members->n; i++) {
        char *name = members->member[i].name;
        memmove(name, name + top + 1, strlen(name + top + 1) + 1);
    }
}

/* Where a name occurs twice the later member counts, as when tar unpacks. */
static void keep_last(rcr_members *members) {
    size_t kept = 0;
    for (size_t i = 0; i < members->n; i++) {
        rcr_member *m = &members->member[i];
        if (i + 1 < members->n && strcmp(m->name, m[1].name) == 0) {
            rcr_free(m->own);
        } else {
            members->member[kept++] = *m;
        }
    }
    members->n = kept;
}

static rcr_status read_all(rcr_members *members, struct archive *a, const rcr_archive_source *source, size_t max_bytes,
                           rcr_error *err) {
    scratch s = {.source = source};
    rcr_status status = RCR_OK;
    for (size_t n = 0; status == RCR_OK; n++) {
        struct archive_entry *entry;
        int code = rcr_la.read_next_header(a, &entry);
        if (code == ARCHIVE_EOF && source->error.status == RCR_OK) break;
        if (code < ARCHIVE_WARN || code == ARCHIVE_RETRY || code == ARCHIVE_EOF)
            status = rcr_archive_fail(a, source, cannot_read, err);
        else if (n >= MAX_MEMBERS)
            status = rcr_fail(err, RCR_ERR_LIMIT, "the archive has more than %d members", MAX_MEMBERS);
        else
            status = read_entry(members, &s, a, entry, max_bytes, err);
    }
    rcr_free(s.data);
    if (status != RCR_OK) return status;
    if (members->n > 0) qsort(members->member, members->n, sizeof *members->member, by_name);
    strip_top(members);
    keep_last(members);
    return RCR_OK;
}

rcr_status rcr_members_read(rcr_members *out, const char *path, const void *data, size_t length, size_t max_bytes,
                            rcr_error *err) {
    rcr_status status = rcr_libarchive_load(err);
    if (status != RCR_OK) return status;
    struct archive *a = rcr_la.read_new();
    if (a == NULL) return rcr_fail_memory(err, "opening an archive");
    rcr_libarchive_enable(a);
    rcr_la.read_support_format_empty(a);
    rcr_members members = {0};
    rcr_archive_source source = {0};
    status = rcr_archive_open(a, &source, path, data, length, err);
    if (status == RCR_OK) status = read_all(&members, a, &source, max_bytes, err);
    rcr_la.read_free(a);
    rcr_archive_close(&source);
    if (status == RCR_OK)
        *out = members;
    else
        rcr_members_release(&members);
    return status;
}

void rcr_members_release(rcr_members *members) {
    for (size_t i = 0; i < members->n; i++) rcr_free(members->member[i].own);
    for (size_t i = 0; i < members->n_blocks; i++) rcr_free(members->block[i]);
    rcr_free(members->block);
    rcr_free(members->member);
    *members = (rcr_members){0};
}

const rcr_member *rcr_members_find(const rcr_members *members, const char *name) {
    size_t low = 0, high = members->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(members->member[middle].name, name);
        if (order == 0) return &members->member[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
