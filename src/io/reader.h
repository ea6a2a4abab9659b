/* Structures from files that hold one or many of them, with what each file says about them: one reader for all formats.
 *
 *     rcr_reader *reader;
 *     rcr_record record;
 *     status = rcr_reader_open(&reader, path, &err);
 *     while (rcr_reader_read(reader, &record)) {
 *         ... record.crystal, or record.error says why there is none ...
 *         rcr_record_release(&record);
 *     }
 *     rcr_reader_close(reader);
 *
 * The format is told by content first, then by name: what rcr_structure_parse reads (one structure), CIFs of several
 * data blocks that hold structures, extended XYZ, JSON (pymatgen's structures and entries, tables of pandas and
 * Matbench, OPTIMADE answers, JSON lines), ASE databases, CSV with a column of structures; each of them also packed
 * with gzip, bzip2, xz or zstd; and folders and archives (tar, zip) of all these.  docs/formats.md describes them.
 * Nothing is unpacked to disk.  Memory in use is that of one structure, and in addition
 *  - of a CIF, and of a file in UTF-16: all its bytes;
 *  - of an archive: all its bytes;  - of an ASE database that is packed: all its bytes;
 *  - of an ASE database: external tables that are not in the order of their ids;
 *  - of a pandas table by columns: all columns but that of the structures;  - of its other forms: the index. */
#ifndef RCR_IO_READER_H
#define RCR_IO_READER_H

#include "io/structure.h"
#include "recryst.h"

/* The longest text of one structure, its properties included; a longer one is an error (RCR_ERR_LIMIT). */
#define RCR_RECORD_MAX_BYTES ((size_t)1 << 30)

/* What a file says about a structure: a column of a table, a key of a frame, an entry of a dictionary. */
typedef struct rcr_property {
    char *key;   /* as the file names it */
    char *value; /* a number in decimal, "true" or "false", or text; never empty */
} rcr_property;

/* One structure, or the reason why there is none. */
typedef struct rcr_record {
    char *id;   /* the file's own, else NAME, or NAME-NUMBER where a file holds several.  Valid once it is parsed */
    char *file; /* the path as given, or PATH/MEMBER in a folder or an archive */
    uint64_t number; /* of the structure in that file, from 1 */
    int own_id;      /* 1: the id is the file's own */
    int by_name;     /* 1: it is so from the key `name`, which need not be of one row alone */
    char *spare_id;  /* by_name: what the id is without that key; else NULL */
    int alone;       /* 1: the file holds no other */
    int cut_off;     /* 1: the error is that of a file of many that can't be read on: what follows in it is lost */
    long line;       /* of the file, unpacked, where it begins, from 1; 0: the format has no lines */
    long value_line; /* where its properties stand; valid once it is parsed */
    rcr_crystal *crystal;
    size_t n_properties;
    rcr_property *property; /* [n_properties] in the file's order; keys may repeat in CSV and extended XYZ */
    rcr_error error;        /* status RCR_OK, or why crystal is NULL; file and line are set where known */
    char sha256[65];        /* of the structure's bytes in the file, its properties included; "" until it is parsed */
    /* What rcr_record_parse works on. */
    struct rcr_unparsed *unparsed;
} rcr_record;

typedef struct rcr_reader rcr_reader;

/* Open a file, a folder or an archive.  Of a folder those files count that lie directly in it, of an archive all, as
 * far as their names say that they hold structures (rcr_reader_takes) and do not begin with a dot, in the order of
 * their names. Errors: RCR_ERR_IO (no such file), RCR_ERR_UNSUPPORTED (a single file whose format is not known),
 * RCR_ERR_DATA (a folder without structure files), RCR_ERR_PARSE, RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
rcr_status rcr_reader_open(rcr_reader **out, const char *path, rcr_error *err);

/* The same for the bytes of a file (packed or not) or of an archive; they stay the caller's, who keeps them until the
 * reader is closed.  `name` stands for the path; it may be "". */
rcr_status rcr_reader_open_memory(rcr_reader **out, const char *name, const void *data, size_t length, rcr_error *err);

/* The same for a folder or archive that is open already, and is taken over, also on failure. */
struct rcr_folder;
rcr_status rcr_reader_open_folder(rcr_reader **out, const char *path, struct rcr_folder *folder, rcr_error *err);

/* An error where the first row of a table holds semicolons or tabs and no comma: such a table would be taken for one
 * column.  RCR_ERR_UNSUPPORTED. */
rcr_status rcr_csv_check_separator(const char *text, size_t length, rcr_error *err);

/* Records may be parsed and released after this. */
void rcr_reader_close(rcr_reader *reader);

/* The next record, without its crystal: rcr_record_parse makes that, on any thread.  *record is overwritten and becomes
 * the caller's (rcr_record_release), also where it is an error.  1: there is one; 0: the end.  A record that can't be
 * cut out of its file is an error, and so is what leaves no place to go on at; the file then ends with it, and the next
 * file of a folder or an archive follows.  A failing device ends a file so too, with RCR_ERR_IO and cut_off. */
int rcr_reader_next(rcr_reader *reader, rcr_record *record);

/* Crystal, properties and id; what fails is kept in record->error (RCR_ERR_MEMORY among it).  Different records may be
 * parsed on several threads at once.  Does nothing when the record is parsed already. */
void rcr_record_parse(rcr_record *record);

/* Next and parse. */
int rcr_reader_read(rcr_reader *reader, rcr_record *record);

void rcr_record_release(rcr_record *record);

/* The memory that a record holds before it is parsed, and about what its crystal takes afterwards. */
size_t rcr_record_bytes(const rcr_record *record);

/* The value of a property; NULL when there is none of that name. */
const char *rcr_record_property(const rcr_record *record, const char *key);

/* What the open file is, for messages: "extended XYZ", "JSON", "CSV", "ASE database", "folder", "structure file" (one
 * structure, of a known format or not); static storage. */
const char *rcr_reader_format_name(const rcr_reader *reader);
/* 1 for a file of one structure by its format. */
int rcr_reader_is_single(const rcr_reader *reader);
/* 1 for a folder or an archive. */
int rcr_reader_is_folder(const rcr_reader *reader);

/* 1 when a file of this name is read in folders and archives. */
int rcr_reader_takes(const char *name);

/* 1 when the path could not be opened for a reason of the device, and many structures may be lost with it: a folder, an
 * archive or a file that by its name holds many, which is there. */
int rcr_reader_loses_many(const char *path, const rcr_error *err);

/* 1 for the name of a CSV table, packed or not. */
int rcr_is_table_name(const char *name);

/* The first structure in the bytes of a file of any format; `name` as for rcr_structure_parse. */
rcr_status rcr_reader_first(rcr_crystal **out, const char *name, const void *data, size_t length, rcr_error *err);

#endif
