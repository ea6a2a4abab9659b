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
    int64_t n_parameters;      /* all trainable parameters */
    int64_t n_conv_parameters; /* those of the convolutions with their batch norms; not gate, LayerNorm */
    const char *target;        /* name of the target, "" if unknown */
    const char *unit;          /* unit of the target, "" if unknown */
} rcr_model_info;
RCR_API rcr_model_info rcr_model_describe(const rcr_model *model);

/* Have a model take disordered crystals (RCR_DISORDER_AVERAGE) or refuse them, whatever it was trained with: the mean
 * of element vectors is an input like any other, though a model that never met one extrapolates.  A model file keeps
 * what was set last.  Errors: RCR_ERR_ARGUMENT. */
RCR_API rcr_status rcr_model_set_disorder(rcr_model *model, rcr_disorder disorder, rcr_error *err);

/* Predict n crystals.  values [n]: the target in its own unit, or the probability of class 1.
 * status [n] or NULL: RCR_OK for each crystal that could be used, else the reason; values of the others are NaN.
 * n_threads 0: all cores.  The values do not depend on n_threads or on which crystals are predicted together. */
RCR_API rcr_status rcr_model_predict(double *values, rcr_status *status, const rcr_model *model,
                                     const rcr_crystal *const *crystals, size_t n, int n_threads, rcr_error *err);

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

#ifdef __cplusplus
}
#endif
#endif
