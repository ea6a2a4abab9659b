/*
 * recryst: crystal graph neural networks for materials property prediction.
 *
 * Conventions, for the whole library
 * ----------------------------------
 *  - Lattice vectors are the rows of a 3x3 matrix, in angstrom: lattice[0] is a, [1] is b, [2] is c.
 *  - A site's position is fractional: r = frac[0]*a + frac[1]*b + frac[2]*c.  Distances are in angstrom.
 *  - Matrices are row-major; shapes stand in comments beside the pointers, as [rows, columns].
 *  - An edge i <- j points from a neighbour j (its source) to the atom i whose environment it describes.  Edges are
 *    stored by atom i in CSR form: the edges of atom i are offset[i] .. offset[i+1]-1.
 *  - Functions that can fail return an rcr_status, take what they make as the first argument and an rcr_error* as the
 *    last.  *out is untouched on failure.  The error may be NULL.
 *  - What a function makes belongs to the caller, who gives it to the matching _free; _free(NULL) does nothing.
 *  - The host's floating-point state (rounding, flushing to zero, traps, flags), locale, signal handlers and masks,
 *    folder, environment and output are left alone and change no result.  While a function that calls back runs, the
 *    floating-point state is the default one.  The library's own threads block the signals that a process is sent.
 *  - No function prints, exits, aborts, or changes global state; two threads may use two different objects at once, and
 *    may share an object that both only read.
 */
#ifndef RECRYST_H
#define RECRYST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RCR_API __attribute__((visibility("default")))
#else
#define RCR_API
#endif

#define RCR_VERSION "0.1.0"

/* ---------------------------------------------------------------- errors */

typedef enum rcr_status {
    RCR_OK = 0,
    RCR_ERR_ARGUMENT,    /* an argument or option makes no sense */
    RCR_ERR_MEMORY,      /* out of memory */
    RCR_ERR_IO,          /* a file can't be opened, read, written, renamed */
    RCR_ERR_PARSE,       /* a file is not what its format demands */
    RCR_ERR_UNSUPPORTED, /* well formed, but a feature that recryst does not handle */
    RCR_ERR_DATA,        /* well formed, but useless: no sites, no volume, target missing, ... */
    RCR_ERR_MISMATCH,    /* two things that must agree do not: model and data, checkpoint and options */
    RCR_ERR_NUMERIC,     /* a loss or a prediction is not a number */
    RCR_ERR_LIMIT,       /* larger than a documented limit */
    RCR_ERR_INTERRUPTED  /* stopped on request; what was reached is saved */
} rcr_status;

/* What went wrong and where.  Owned by the caller (usually on the stack); strings are always NUL-terminated. */
typedef struct rcr_error {
    rcr_status status;
    char file[256];    /* "" when no file is concerned */
    long line;         /* 1-based; 0 when unknown */
    char message[512]; /* one sentence: what is wrong and, where possible, what to do */
} rcr_error;

/* A short name of a status, such as "parse error".  Static storage. */
RCR_API const char *rcr_status_name(rcr_status status);

/* The library's version, "major.minor.patch".  Static storage. */
RCR_API const char *rcr_version(void);

/* -------------------------------------------------------------- crystals */

/* A periodic crystal.  Where every site is fully occupied by one element (an ordered crystal), the three pointers at
 * the end are NULL; else they give the species that share each site, and atomic_number holds the one with the largest
 * occupancy, the lowest number among equals. */
typedef struct rcr_crystal {
    char *id;             /* name of the material; owned, never NULL */
    double lattice[3][3]; /* rows a, b, c, angstrom */
    int32_t n_sites;
    double (*frac)[3];      /* [n_sites] fractional coordinates, not necessarily in [0, 1); owned */
    uint8_t *atomic_number; /* [n_sites] 1..118; owned */
    /* Disordered crystals only: the species of site i are k = species_offset[i] .. species_offset[i + 1] - 1, at least
     * one, by ascending atomic number, each once; what their occupancies lack of 1 is vacant. */
    int32_t *species_offset;   /* [n_sites + 1], species_offset[0] = 0; owned */
    uint8_t *species_number;   /* [species_offset[n_sites]] atomic numbers, 1..118; owned */
    double *species_occupancy; /* [species_offset[n_sites]] in (0, 1], each site's sum at most 1; owned */
} rcr_crystal;

/* Read the first structure of a file whose format is told from its content, else its name (CIF, POSCAR,
 * FHI-aims geometry.in, extended XYZ, JSON, ...; docs/formats.md), packed with gzip, bzip2, xz or zstd or not.
 * *out belongs to the caller.  Errors: RCR_ERR_IO, RCR_ERR_PARSE, RCR_ERR_UNSUPPORTED, RCR_ERR_DATA. */
RCR_API rcr_status rcr_crystal_read(rcr_crystal **out, const char *path, rcr_error *err);
RCR_API void rcr_crystal_free(rcr_crystal *crystal);

/* ---------------------------------------------------------------- graphs */

/* What to do with an atom that has fewer neighbours in reach than max_neighbors. */
typedef enum rcr_padding {
    RCR_PADDING_NONE = 0, /* leave the missing edges out */
    RCR_PADDING_REFERENCE /* as CGCNN: edges to atom 0 of the crystal at distance radius + 1 */
} rcr_padding;

/* What to do with neighbours at the same distance where max_neighbors cuts. */
typedef enum rcr_ties {
    RCR_TIES_CUT =
        0,        /* keep max_neighbors, chosen by a rule that depends on neither site order nor cell where possible */
    RCR_TIES_KEEP /* keep the whole shell: an atom may have more than max_neighbors edges */
} rcr_ties;

/* What to do with a crystal that has disordered sites: shared by several species, or partly vacant. */
typedef enum rcr_disorder {
    RCR_DISORDER_REFUSE = 0, /* no graph, but an error that names the site */
    /* A site's element vector is the mean over its species, weighted by their occupancies; a vacancy counts as a vector
     * of zeros.  In all else such a site is one whole atom, also as a neighbour of others. */
    RCR_DISORDER_AVERAGE
} rcr_disorder;

/* How a crystal becomes a graph (Xie and Grossman 2018, section on crystal graphs; CGCNN's defaults). */
typedef struct rcr_graph_options {
    double radius;         /* angstrom; 8 */
    int32_t max_neighbors; /* 12 */
    double dmin;           /* centre of the first Gaussian, angstrom; 0 */
    double step;           /* spacing and width of the Gaussians, angstrom; 0.2 */
    rcr_padding padding;   /* RCR_PADDING_NONE */
    rcr_ties ties;         /* RCR_TIES_CUT */
    /* Distances closer than this count as equal, angstrom; between 1e-10 and 0.1, or 0: automatic, which is 1e-9 where
     * ties are cut (so that the distances are those of the nearest to 1e-8) and 1e-4 where they are kept.  0. */
    double tie_tolerance;
    rcr_disorder disorder; /* RCR_DISORDER_REFUSE */
} rcr_graph_options;

/* The defaults given in the comments above. */
RCR_API rcr_graph_options rcr_graph_options_default(void);

/* K, the number of Gaussians of these options: mu_k = dmin + k*step for k = 0 .. K-1, K = ceil((radius + step - dmin) /
 * step) as in CGCNN, so that the last one stands at or past the radius (41 by default). */
RCR_API int32_t rcr_graph_options_n_gaussians(const rcr_graph_options *options);

/* A crystal graph: N atoms, E directed edges. */
typedef struct rcr_graph {
    int32_t n_atoms;
    int32_t n_edges;
    uint8_t *atomic_number; /* [n_atoms] */
    int32_t *offset;        /* [n_atoms + 1]; offset[0] = 0, offset[n_atoms] = n_edges */
    int32_t *neighbor;      /* [n_edges] source atom j of the edge, within this crystal */
    double *distance;       /* [n_edges] angstrom, ascending within each atom (up to the tie tolerance) */
    /* The species of each atom's site as in rcr_crystal; NULL where the crystal is ordered. */
    int32_t *species_offset;   /* [n_atoms + 1] */
    uint8_t *species_number;   /* [species_offset[n_atoms]] */
    double *species_occupancy; /* [species_offset[n_atoms]] */
} rcr_graph;

/* Build the graph of a crystal.  *out belongs to the caller.
 * Errors: RCR_ERR_ARGUMENT (options), RCR_ERR_DATA (no volume, no sites, coordinates that are not numbers),
 * RCR_ERR_UNSUPPORTED (disordered sites, with RCR_DISORDER_REFUSE), RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_graph_build(rcr_graph **out, const rcr_crystal *crystal, const rcr_graph_options *options,
                                   rcr_error *err);
RCR_API void rcr_graph_free(rcr_graph *graph);

/* ---------------------------------------------------------------- models */

typedef enum rcr_architecture { RCR_SR_CGCNN = 0, RCR_CGCNN } rcr_architecture;
typedef enum rcr_task_kind { RCR_REGRESSION = 0, RCR_CLASSIFICATION } rcr_task_kind;

/* The shape of a network.  Defaults in brackets. */
typedef struct rcr_model_options {
    rcr_architecture architecture; /* [RCR_SR_CGCNN] */
    rcr_task_kind task;            /* [RCR_REGRESSION]; classification is binary, classes 0 and 1 */
    int32_t depth;                 /* steps T of SR-CGCNN, layers L of CGCNN; >= 1 [3] */
    int32_t gate;                  /* SR-CGCNN: learnt gate, 0 or 1 [0] */
    int32_t layer_norm;            /* SR-CGCNN: a LayerNorm shared by the steps, 0 or 1 [0] */
    int32_t atom_features;         /* F >= 1 [64] */
    int32_t hidden;                /* H >= 1 [128] */
    int32_t hidden_layers;         /* n_h >= 1 [1] */
    int32_t n_targets;             /* properties predicted at once, 1 to 1024 [1]; 0 counts as 1; classification: 1 */
    int32_t variance;              /* regression: 1 predicts a standard deviation beside each value [0] */
} rcr_model_options;

RCR_API rcr_model_options rcr_model_options_default(void);

/* A network with its weights and everything needed to predict: graph options, element table, target and its
 * normalisation.  Opaque. */
typedef struct rcr_model rcr_model;

/* Read a model file (.safetensors), or the best model of a run directory.  *out belongs to the caller.
 * Errors: RCR_ERR_IO, RCR_ERR_PARSE, RCR_ERR_MISMATCH (checksum), RCR_ERR_UNSUPPORTED. */
RCR_API rcr_status rcr_model_load(rcr_model **out, const char *path, rcr_error *err);

/* Write a model file whole or not at all. */
RCR_API rcr_status rcr_model_save(const rcr_model *model, const char *path, rcr_error *err);
RCR_API void rcr_model_free(rcr_model *model);

/* The bytes of a model file, and a model from them: for programs that keep models elsewhere than in files.
 * (*out)[0 .. *length) is freed with rcr_free.  Errors: as of load and save, but for RCR_ERR_IO. */
RCR_API rcr_status rcr_model_pack(char **out, size_t *length, const rcr_model *model, rcr_error *err);
RCR_API rcr_status rcr_model_parse(rcr_model **out, const void *bytes, size_t length, rcr_error *err);

/* Free what a function of this header says is freed with it; NULL does nothing. */
RCR_API void rcr_free(void *block);

/* What a model is; strings belong to the model. */
typedef struct rcr_model_info {
    rcr_model_options options;
    rcr_graph_options graph;
    int64_t n_parameters;      /* all trainable parameters of one network; an ensemble has rcr_model_members of them */
    int64_t n_conv_parameters; /* those of the convolutions with their batch norms; not gate, LayerNorm */
    const char *target;        /* name of the first target, "" if unknown */
    const char *unit;          /* unit of the first target, "" if unknown */
} rcr_model_info;
RCR_API rcr_model_info rcr_model_describe(const rcr_model *model);

/* One of the properties that a model predicts; strings belong to the model, or are static. */
typedef struct rcr_target_info {
    const char *name, *unit; /* "" if unknown */
    const char *transform;   /* what the network learnt of it: "none", "log", ...; predictions are in the unit */
} rcr_target_info;
/* Target k = 0 .. options.n_targets - 1; of a k outside, names are "". */
RCR_API rcr_target_info rcr_model_target(const rcr_model *model, int32_t k);

/* How many networks a model averages: 1 of a single one, more of an ensemble. */
RCR_API int32_t rcr_model_members(const rcr_model *model);
/* Network 1 .. rcr_model_members of a model as a model of its own, without intervals.  *out belongs to the caller.
 * Errors: RCR_ERR_ARGUMENT (there is no such network), RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_model_take_member(rcr_model **out, const rcr_model *model, int32_t member, rcr_error *err);

/* Have a model take disordered crystals (RCR_DISORDER_AVERAGE) or refuse them, whatever it was trained with: the mean
 * of element vectors is an input like any other, though a model that never met one extrapolates.  A model file keeps
 * what was set last.  Errors: RCR_ERR_ARGUMENT. */
RCR_API rcr_status rcr_model_set_disorder(rcr_model *model, rcr_disorder disorder, rcr_error *err);

/* Predict n crystals with a model of one target.  values [n]: the target in its own unit, or the probability of class
 * 1. status [n] or NULL: RCR_OK for each crystal that could be used, else the reason; values of the others are NaN.
 * n_threads 0: all cores.  The values do not depend on n_threads or on which crystals are predicted together.
 * Errors: RCR_ERR_ARGUMENT (the model has several targets: rcr_model_predict_all), RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_model_predict(double *values, rcr_status *status, const rcr_model *model,
                                     const rcr_crystal *const *crystals, size_t n, int n_threads, rcr_error *err);

/* All that a model says of n crystals, whatever it predicts. */
typedef struct rcr_prediction {
    size_t n_crystals;
    int32_t n_targets;  /* T */
    rcr_status *status; /* [n_crystals] RCR_OK, or why a crystal could not be used; its values are NaN then */
    double *values;     /* [n_crystals, T] each target in its own unit, or the probability of class 1 */
    double *std;        /* [n_crystals, T] standard deviations in the same units; NULL: the model predicts none */
} rcr_prediction;

/* Predict n crystals.  *out belongs to the caller.  n_threads 0: all cores.  The values do not depend on n_threads or
 * on which crystals are predicted together.  Errors: RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_model_predict_all(rcr_prediction **out, const rcr_model *model,
                                         const rcr_crystal *const *crystals, size_t n, int n_threads, rcr_error *err);
RCR_API void rcr_prediction_free(rcr_prediction *prediction);

/* Which vectors of a network: what it makes of crystals before its last layers turn that into a value. */
typedef enum rcr_embedding_kind {
    RCR_EMBED_CRYSTAL = 0, /* of each crystal: the mean of its atoms' vectors after the last step or layer */
    RCR_EMBED_ATOMS,       /* of each atom after the last step or layer */
    RCR_EMBED_STEPS        /* of each atom after every step or layer */
} rcr_embedding_kind;

/* Vectors of n crystals, one crystal after the other. */
typedef struct rcr_embedding {
    size_t n_crystals;
    int32_t n_steps;    /* S: the model's depth for RCR_EMBED_STEPS, else 1 */
    int32_t n_features; /* F: the model's atom_features */
    /* [n_crystals + 1] crystal c has the rows row_offset[c] .. row_offset[c + 1] - 1: one, or one for each of its sites
     * in their order; none where it could not be used. */
    size_t *row_offset;
    float *values;      /* [row_offset[n_crystals], S, F] */
    rcr_status *status; /* [n_crystals] RCR_OK, or why it could not be used; RCR_ERR_NUMERIC: rows are not finite */
} rcr_embedding;

/* Vectors of n crystals.  *out belongs to the caller.  n_threads 0: all cores.  The values are the same bit for bit on
 * any number of threads and whichever crystals go together.  Errors: RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_model_embed(rcr_embedding **out, const rcr_model *model, rcr_embedding_kind kind,
                                   const rcr_crystal *const *crystals, size_t n, int n_threads, rcr_error *err);
RCR_API void rcr_embedding_free(rcr_embedding *embedding);

/* ---------------------------------------------------------------- for programs in other languages
 * What follows is what a binding needs beyond the above (python/ is one): no struct has to be filled in but plain
 * arrays, every function that takes long can be followed and stopped, and layouts can be checked. */

/* Rises with every change of a struct, an enumeration or a function in this header that a program compiled against the
 * old one would not survive. */
#define RCR_ABI 1
RCR_API int32_t rcr_abi(void);
/* sizeof of a struct of this header, by its name ("rcr_crystal"); 0 for a name that it does not have. */
RCR_API size_t rcr_struct_size(const char *name);

/* A crystal from arrays, which are copied.  id may be NULL.  lattice [3, 3], angstrom; positions [n_sites, 3]:
 * fractional, or, where cartesian is not 0, Cartesian in angstrom; atomic_number [n_sites].  Of disordered sites, the
 * species in any order: entry k < n_species says that species_number[k] stands on site species_site[k] (0-based) with
 * the share species_occupancy[k]; a site that no entry names is one whole atom of atomic_number.  n_species 0: the
 * three may be NULL. Errors: RCR_ERR_ARGUMENT (no sites, a site or an element that there is not), RCR_ERR_DATA (numbers
 * that are not finite, no volume, occupancies that make no sense), RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_crystal_make(rcr_crystal **out, const char *id, const double *lattice, int32_t n_sites,
                                    const double *positions, int cartesian, const uint8_t *atomic_number,
                                    size_t n_species, const int32_t *species_site, const uint8_t *species_number,
                                    const double *species_occupancy, rcr_error *err);

/* One structure of a file, or the reason why there is none. */
typedef struct rcr_structure {
    rcr_crystal *crystal;                  /* NULL where error says why; the caller may take it and put NULL here */
    const char *id;                        /* the file's own, else made from its name */
    const char *file;                      /* the path as given, or PATH/MEMBER in a folder or an archive */
    uint64_t number;                       /* of the structure in that file, from 1 */
    long line;                             /* where it begins in the file, from 1; 0 where the format has no lines */
    size_t n_properties;                   /* what the file says about it: columns of a table, keys of a frame, ... */
    const char *const *key, *const *value; /* [n_properties]; a value is a number in decimal, true, false, or text */
    rcr_error error;                       /* status RCR_OK, or why there is no crystal */
} rcr_structure;

/* All structures of a file of any format that docs/formats.md describes, a folder, an archive, or a table of files. */
typedef struct rcr_structures rcr_structures;

/* n_threads 0: all cores; they parse what lies ahead.  Errors: RCR_ERR_IO, RCR_ERR_UNSUPPORTED, RCR_ERR_DATA,
 * RCR_ERR_PARSE, RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_structures_open(rcr_structures **out, const char *path, int n_threads, rcr_error *err);
/* The next n >= 1 structures, at most `most`: *list [n] belongs to the reader, crystals that are not taken too, until
 * the next call.  n = 0: the end; what holds none at all gives one that is an error.  Errors: RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_structures_next(rcr_structure **list, size_t *n, rcr_structures *structures, size_t most,
                                       rcr_error *err);
RCR_API void rcr_structures_close(rcr_structures *structures);

/* Write n crystals to one file, whole or not at all.  format "cif", "poscar", "extxyz", "json" or "jsonl" (pymatgen's
 * Structure.as_dict, an object on each line); NULL: told by the path.  ids [n] stand in for the crystals' own; may be
 * NULL.  Several blocks of a CIF get different names, NAME-2, NAME-3, ... after one called NAME.  Each of n_properties
 * numbers, value [n, n_properties] by row under name [n_properties], is written where it is finite (extxyz and JSON).
 * Errors: RCR_ERR_ARGUMENT (format, a second structure for POSCAR), RCR_ERR_DATA, RCR_ERR_UNSUPPORTED (disorder, in
 * POSCAR and extxyz), RCR_ERR_IO, RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_crystals_write(const char *path, const char *format, const rcr_crystal *const *crystals,
                                      const char *const *ids, size_t n, const char *const *name, const double *value,
                                      size_t n_properties, rcr_error *err);

/* Followed by the caller; any may be NULL.  Called on the calling thread, from time to time. */
typedef struct rcr_events {
    void *context;
    int (*progress)(void *context, size_t done, size_t total);           /* not 0: stop, RCR_ERR_INTERRUPTED */
    void (*failed)(void *context, size_t index, const rcr_error *error); /* why crystal `index` has no result */
} rcr_events;

/* A model made ready: its network in the processor's layout, and threads that wait for work.  It takes a copy of the
 * model.  One call at a time: a second thread makes a session of its own.  After a fork, the child's copy is of no use
 * (its threads are the parent's) and is not to be freed. */
typedef struct rcr_session rcr_session;

/* n_threads 0: all cores this process may use.  kernels "ref", "base", "avx2", "avx512", or NULL: the best.
 * Errors: RCR_ERR_ARGUMENT, RCR_ERR_UNSUPPORTED (kernels), RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_session_create(rcr_session **out, const rcr_model *model, const char *kernels, int n_threads,
                                      rcr_error *err);
RCR_API void rcr_session_free(rcr_session *session);
RCR_API int rcr_session_threads(const rcr_session *session);
/* The kernels in use; static storage. */
RCR_API const char *rcr_session_kernels(const rcr_session *session);

/* V, the numbers that a prediction has: T targets, each in its own unit or the probability of class 1; after them T
 * standard deviations where the model predicts those (options.variance). */
RCR_API int32_t rcr_session_columns(const rcr_session *session);

/* As rcr_model_predict_all: values [n, V], NaN where there are none; status [n] or NULL; events NULL or not. */
RCR_API rcr_status rcr_session_predict(double *values, rcr_status *status, rcr_session *session,
                                       const rcr_crystal *const *crystals, size_t n, const rcr_events *events,
                                       rcr_error *err);
/* The same from graphs, which must have been made with the model's graph options (they are not looked at); a NULL gives
 * NaN and RCR_ERR_ARGUMENT. */
RCR_API rcr_status rcr_session_predict_graphs(double *values, rcr_status *status, rcr_session *session,
                                              const rcr_graph *const *graphs, size_t n, const rcr_events *events,
                                              rcr_error *err);
/* Where things stand in a row that says all that a model knows of a crystal: target t begins at t * block with its
 * value; from there, the standard deviation that the model predicts, the spread of an ensemble's networks, and the ends
 * of the interval; from the row's start, the distance from the training rows, above 1 of a crystal unlike them.  0: the
 * model has no such thing. */
typedef struct rcr_row_layout {
    int32_t n_columns, n_targets, block;
    int32_t std, spread, lower, upper, distance;
    int32_t has_domain; /* 1: the model knows what it was trained on */
} rcr_row_layout;
RCR_API rcr_row_layout rcr_session_layout(const rcr_session *session);
/* The share of crystals whose interval is to hold them, in (0, 1) [0.9]; 0: no intervals.  RCR_ERR_ARGUMENT. */
RCR_API rcr_status rcr_session_set_level(rcr_session *session, double level, rcr_error *err);

/* What rcr_session_forecast says of a crystal's kind: "in", "far", or "element:Cs+Fr" of elements that no training row
 * had (cut where it does not fit); "" where it is not known. */
#define RCR_KIND_SIZE 64
/* rows [n, n_columns]; kind [n, RCR_KIND_SIZE] or NULL; of crystals [n], or where that is NULL of graphs [n]. Otherwise
 * as rcr_session_predict. */
RCR_API rcr_status rcr_session_forecast(double *rows, char *kind, rcr_session *session,
                                        const rcr_crystal *const *crystals, const rcr_graph *const *graphs, size_t n,
                                        const rcr_events *events, rcr_error *err);

/* What a network's value f is made of (docs/trust.md): f is the transformed target, or the logarithm of the odds of
 * class
 * 1.  The arrays belong to the explanation. */
typedef struct rcr_explained {
    int32_t n_atoms, n_steps;
    double value, prediction;      /* f, and the target in its unit, or the probability of class 1 */
    const double *step_value;      /* [n_steps + 1] the prediction from the vectors after each step; 0: the embedding */
    const double *step_change;     /* [n_steps] |v_t - v_(t-1)| / |v_(t-1)| over all atoms */
    const double *readout, *input; /* [n_atoms] what each atom adds to f, at the readout and at the input */
    double readout_baseline, input_baseline; /* f of the baselines, to which the contributions add */
    double readout_gap, input_gap;           /* what the contributions are over or short of f */
    void *own;
} rcr_explained;
/* Target 0 .. T - 1 of one crystal, or where that is NULL of a graph.  *out is released with rcr_explained_release.
 * Errors: RCR_ERR_ARGUMENT (no such target), RCR_ERR_UNSUPPORTED (an ensemble whose networks transform the target
 * differently: rcr_model_take_member), those of the crystal, RCR_ERR_NUMERIC, RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_session_explain(rcr_explained *out, rcr_session *session, const rcr_crystal *crystal,
                                       const rcr_graph *graph, int32_t target, rcr_error *err);
RCR_API void rcr_explained_release(rcr_explained *explained);

/* As rcr_model_embed. */
RCR_API rcr_status rcr_session_embed(rcr_embedding **out, rcr_session *session, rcr_embedding_kind kind,
                                     const rcr_crystal *const *crystals, size_t n, const rcr_events *events,
                                     rcr_error *err);
RCR_API rcr_status rcr_session_embed_graphs(rcr_embedding **out, rcr_session *session, rcr_embedding_kind kind,
                                            const rcr_graph *const *graphs, size_t n, const rcr_events *events,
                                            rcr_error *err);

/* The inputs of recryst predict, in its order: files of one or many structures, folders, archives, datasets, graph
 * stores. */
typedef struct rcr_stream rcr_stream;

/* A part of them, as arrays of length n; they belong to the stream until its next call. */
typedef struct rcr_chunk {
    size_t n;
    const char *const *id, *const *file;
    const rcr_graph *const *graph; /* NULL where error says why */
    const rcr_error *error;        /* status RCR_OK, or why it can't be used */
} rcr_chunk;

/* paths [n_paths] are copied; the session must outlive the stream, and both are used by one thread at a time.  A path
 * that can't be read is a row with an error.  Errors: RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_stream_open(rcr_stream **out, rcr_session *session, const char *const *paths, size_t n_paths,
                                   rcr_error *err);
/* The next n >= 1 rows with their graphs, made on all threads; n = 0: the end.  Errors: RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_stream_next(rcr_chunk *out, rcr_stream *stream, rcr_error *err);
RCR_API void rcr_stream_close(rcr_stream *stream);

/* Trainable tensor i of a model, then its running statistics, in the order of PyTorch's state_dict and with its names;
 * they belong to the model.  0: there is no i-th.  Of an ensemble, those of its first network: rcr_model_take_member
 * gives each. */
typedef struct rcr_tensor_view {
    const char *name;
    int32_t rank, shape[2];
    const float *values;  /* [shape[0], shape[1]] */
    int32_t is_parameter; /* 1: trained; 0: a running statistic */
} rcr_tensor_view;
RCR_API int rcr_model_tensor(rcr_tensor_view *out, const rcr_model *model, size_t i);
/* How many batches the running statistics have seen, which PyTorch keeps beside each norm's. */
RCR_API int64_t rcr_model_batches_tracked(const rcr_model *model);
/* Entry i of what a model's file tells about it beside its options; 0: there is no i-th. */
RCR_API int rcr_model_entry(const char **key, const char **value, const rcr_model *model, size_t i);

/* What a checkpoint of another program does not say.  NaN, 0, NULL: what it says, else CGCNN's own. */
typedef struct rcr_import_request {
    const char *atom_init;     /* path of the element vectors, as atom_init.json */
    const char *target, *unit; /* of what the model predicts */
    double radius, dmin, step; /* angstrom */
    int32_t max_neighbors;
    rcr_padding padding;
    rcr_ties ties;
    rcr_disorder disorder;
    double tie_tolerance; /* angstrom; 0: by the rule for ties */
} rcr_import_request;
/* NaN, 0, NULL, and RCR_PADDING_REFERENCE, as those programs pad. */
RCR_API rcr_import_request rcr_import_request_default(void);
/* A checkpoint of CGCNN, SR-CGCNN or cgcnn2; it is read as data, nothing in it is run.  request may be NULL.
 * Errors: RCR_ERR_ARGUMENT (a request out of its range), RCR_ERR_IO, RCR_ERR_PARSE, RCR_ERR_UNSUPPORTED,
 * RCR_ERR_MISMATCH, RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_model_import(rcr_model **out, const char *path, const rcr_import_request *request,
                                    rcr_error *err);
/* Write a model for another program: format "checkpoint" (as torch.save, for CGCNN and SR-CGCNN; of an ensemble only
 * one network, rcr_model_take_member), "onnx", or "atom-init" (its element vectors).  Errors: RCR_ERR_ARGUMENT,
 * RCR_ERR_UNSUPPORTED (a checkpoint of several targets, of a transformed one or with standard deviations; scales that
 * the other program's single precision does not hold), RCR_ERR_IO, RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_model_export(const rcr_model *model, const char *path, const char *format, rcr_error *err);

/* Settings of graphs, models and training by name, as a run's config.toml has them: "training.lr", "graph.radius".
 * Values are text: numbers in decimal, 0 or 1, a choice's word, "100,200" for several. */
typedef struct rcr_settings rcr_settings;
RCR_API rcr_status rcr_settings_create(rcr_settings **out, rcr_error *err); /* the defaults */
RCR_API void rcr_settings_free(rcr_settings *settings);
/* Errors: RCR_ERR_ARGUMENT (no such setting, or not a value for it), RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_settings_set(rcr_settings *settings, const char *name, const char *value, rcr_error *err);
/* Setting i, what it is set to and what it means; text is freed with rcr_free.  RCR_ERR_ARGUMENT past the last. */
RCR_API rcr_status rcr_settings_get(const char **section, const char **name, const char **comment, char **value,
                                    const rcr_settings *settings, size_t i, rcr_error *err);
RCR_API rcr_graph_options rcr_settings_graph(const rcr_settings *settings);

/* A dataset (docs/formats.md): crystals as graphs, targets, and the rows that can't be used. */
typedef struct rcr_dataset rcr_dataset;
typedef struct rcr_dataset_facts {
    const char *name, *path, *sha256;
    const char *target;                  /* "" when none was read */
    size_t n_rows, n_usable, n_unusable; /* of the source; n_rows is their sum */
} rcr_dataset_facts;
typedef struct rcr_dataset_row {
    const char *id;
    size_t row; /* place in the source, from 0 */
    int32_t n_atoms, n_edges;
    double target;          /* the first of several; NaN where none was read */
    const rcr_error *error; /* of an unusable row; NULL */
} rcr_dataset_row;
/* graph NULL: the defaults.  model: its elements and graph options, in place of graph; may be NULL.  target NULL: the
 * only one.  need_target 0: rows need none.  n_threads 0: all cores.  Errors: RCR_ERR_IO, RCR_ERR_PARSE,
 * RCR_ERR_ARGUMENT (which targets there are), RCR_ERR_DATA (nothing usable), RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_dataset_open(rcr_dataset **out, const char *path, const char *target, int need_target,
                                    const rcr_graph_options *graph, const rcr_model *model, int n_threads,
                                    rcr_error *err);
RCR_API void rcr_dataset_free(rcr_dataset *dataset);
RCR_API rcr_dataset_facts rcr_dataset_describe(const rcr_dataset *dataset);
/* Usable row i < n_usable, or unusable row i < n_unusable, each in source order; 0: there is no i-th. */
RCR_API int rcr_dataset_usable(rcr_dataset_row *out, const rcr_dataset *dataset, size_t i);
RCR_API int rcr_dataset_unusable(rcr_dataset_row *out, const rcr_dataset *dataset, size_t i);
/* Of several targets ("a,b" in target), the name of the k-th from 0, and what usable row i has of it, NaN where it has
 * none.  Of one: k is 0.  NULL and NaN: there is no such target or row. */
RCR_API const char *rcr_dataset_target_name(const rcr_dataset *dataset, size_t k);
RCR_API double rcr_dataset_target(const rcr_dataset *dataset, size_t i, size_t k);
/* A copy of one usable row's graph (distances in single precision).  Errors: RCR_ERR_ARGUMENT (i >= n_usable),
 * RCR_ERR_PARSE, RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_dataset_graph(rcr_graph **out, const rcr_dataset *dataset, size_t i, rcr_error *err);
/* Usable rows first .. first + n - 1: values, status and events as of rcr_session_predict, by place among the n.  The
 * graphs must have been made with the model's options, else RCR_ERR_MISMATCH.  Errors: also RCR_ERR_ARGUMENT (rows that
 * there are not), RCR_ERR_INTERRUPTED, RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_session_predict_rows(double *values, rcr_status *status, rcr_session *session,
                                            const rcr_dataset *dataset, size_t first, size_t n,
                                            const rcr_events *events, rcr_error *err);
/* The same of all n_usable rows, without status and events. */
RCR_API rcr_status rcr_session_predict_dataset(double *values, rcr_session *session, const rcr_dataset *dataset,
                                               rcr_error *err);

/* How well predictions fit; fields of the other task are NaN. */
typedef struct rcr_scores {
    size_t n;
    double mae, rmse, r2;                        /* regression; the target's unit */
    double accuracy, precision, recall, f1, auc; /* classification, of class 1 */
    double loss; /* mean squared error of normalised targets, or mean negative log-likelihood */
} rcr_scores;
/* target and prediction [n]: values, or class 0 or 1 beside the probability of class 1.
 * Errors: RCR_ERR_ARGUMENT (a model of several targets), RCR_ERR_DATA (a target that is not finite, or no class),
 * RCR_ERR_MEMORY. */
RCR_API rcr_status rcr_model_score(rcr_scores *out, const rcr_model *model, const double *target,
                                   const double *prediction, size_t n, rcr_error *err);
/* The same of the k-th target, from 0; RCR_ERR_ARGUMENT: there is none. */
RCR_API rcr_status rcr_model_score_target(rcr_scores *out, const rcr_model *model, size_t k, const double *target,
                                          const double *prediction, size_t n, rcr_error *err);

/* One epoch of training. */
typedef struct rcr_training_epoch {
    int32_t epoch, n_epochs; /* from 1 */
    double lr, train_loss;
    double train_score;         /* MAE in the target's unit over the epoch's batches; accuracy for classes */
    double val_loss, val_score; /* of the validation part: MAE, or area under the ROC curve */
    int32_t is_best;
    double seconds;
} rcr_training_epoch;

/* Followed by the caller; any may be NULL.  Called on the calling thread; a call that does not give 0 stops training
 * after the batch, as an interrupt does. */
typedef struct rcr_training_events {
    void *context;
    int (*reading)(void *context, size_t done, size_t total);
    int (*started)(void *context, size_t n_train, size_t n_val, size_t n_test, const char *kernels, int n_threads);
    int (*batch)(void *context, int32_t epoch, int32_t batch, int32_t n_batches);
    int (*epoch)(void *context, const rcr_training_epoch *epoch);
    int (*message)(void *context, const char *text);
    const int32_t *stop; /* looked at after every batch; set it to 1 from anywhere to stop */
} rcr_training_events;

typedef struct rcr_training_result {
    rcr_scores train, val, test;
    int32_t best_epoch, epochs_done;
    double seconds;
} rcr_training_result;

/* Train on the data at a path (docs/formats.md) in a fresh run directory, as recryst train does; the best model is
 * then RUN/model.safetensors.  *result is set when RCR_OK.
 * Errors: RCR_ERR_INTERRUPTED (stopped: the best model so far is there if an epoch was finished, and the run can be
 * resumed), RCR_ERR_NUMERIC (the loss stopped being a number), RCR_ERR_ARGUMENT (settings; the directory holds a run or
 * a file that this one would replace, or another process works in it), those of the data. */
RCR_API rcr_status rcr_training_run(rcr_training_result *result, const char *data, const char *run_directory,
                                    const rcr_settings *settings, const rcr_training_events *events, rcr_error *err);
/* Go on with a run, exactly where it stopped.  n_threads < 0: as it was.  Errors: those above; RCR_ERR_ARGUMENT where
 * another process works on it. */
RCR_API rcr_status rcr_training_resume(rcr_training_result *result, const char *run_directory, int n_threads,
                                       const rcr_training_events *events, rcr_error *err);

#ifdef __cplusplus
}
#endif
#endif
