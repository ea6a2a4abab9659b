/* The options that say how a crystal becomes a graph, the same for every command that has them. */
#ifndef RCR_CLI_GRAPH_ARGS_H
#define RCR_CLI_GRAPH_ARGS_H

#include "cli/args.h"

typedef struct rcr_graph_args {
    rcr_graph_options options;
    int32_t padding, ties, disorder; /* choices, until rcr_graph_args_finish */
} rcr_graph_args;

/* The defaults. */
rcr_graph_args rcr_graph_args_default(void);

/* Rows of an option table; `g` is an rcr_graph_args. */
#define RCR_GRAPH_ARG_ROWS(g)                                                                                          \
    {.name = "radius",                                                                                                 \
     .kind = RCR_ARG_DOUBLE,                                                                                           \
     .value_name = "A",                                                                                                \
     .value = &(g).options.radius,                                                                                     \
     .min = 0,                                                                                                         \
     .max = 1000,                                                                                                      \
     .above_min = 1,                                                                                                   \
     .help = "how far neighbors are looked for, angstrom"},                                                            \
        {.name = "max-neighbors",                                                                                      \
         .kind = RCR_ARG_INT32,                                                                                        \
         .value_name = "N",                                                                                            \
         .value = &(g).options.max_neighbors,                                                                          \
         .min = 1,                                                                                                     \
         .max = 100000,                                                                                                \
         .help = "nearest neighbors of each atom"},                                                                    \
        {.name = "dmin",                                                                                               \
         .kind = RCR_ARG_DOUBLE,                                                                                       \
         .value_name = "A",                                                                                            \
         .value = &(g).options.dmin,                                                                                   \
         .min = 0,                                                                                                     \
         .max = 1000,                                                                                                  \
         .help = "centre of the first Gaussian of the distance features, angstrom"},                                   \
        {.name = "step",                                                                                               \
         .kind = RCR_ARG_DOUBLE,                                                                                       \
         .value_name = "A",                                                                                            \
         .value = &(g).options.step,                                                                                   \
         .min = 0,                                                                                                     \
         .max = 1000,                                                                                                  \
         .above_min = 1,                                                                                               \
         .help = "spacing and width of the Gaussians, angstrom"},                                                      \
        {.name = "padding",                                                                                            \
         .kind = RCR_ARG_CHOICE,                                                                                       \
         .value_name = "none|reference",                                                                               \
         .value = &(g).padding,                                                                                        \
         .help = "where an atom has too few neighbors: leave edges out, or add edges to atom 0 as the reference "      \
                 "CGCNN program does"},                                                                                \
        {.name = "ties",                                                                                               \
         .kind = RCR_ARG_CHOICE,                                                                                       \
         .value_name = "cut|keep",                                                                                     \
         .value = &(g).ties,                                                                                           \
         .help = "neighbors at equal distance where the number is reached: cut by a fixed rule, or keep all"},         \
        {.name = "tie-tolerance",                                                                                      \
         .kind = RCR_ARG_DOUBLE,                                                                                       \
         .value_name = "A",                                                                                            \
         .value = &(g).options.tie_tolerance,                                                                          \
         .min = 0,                                                                                                     \
         .max = 1,                                                                                                     \
         .help = "distances that differ by less are equal, angstrom; 0: by the rule for ties"},                        \
    {                                                                                                                  \
        .name = "disorder", .kind = RCR_ARG_CHOICE, .value_name = "refuse|average", .value = &(g).disorder,            \
        .help = "crystals with sites that are shared or partly vacant: leave them out, or give such a site the mean "  \
                "of its elements' vectors, weighted by occupancy"                                                      \
    }

/* For commands that take their graph options from a model: --disorder; `choice` is an int32_t, 0 at first. */
#define RCR_MODEL_DISORDER_ARG(choice)                                                                                 \
    {                                                                                                                  \
        .name = "disorder", .kind = RCR_ARG_CHOICE, .value_name = "model|refuse|average", .value = &(choice),          \
        .help = "crystals with sites that are shared or partly vacant: as the model was trained, or refuse them, or "  \
                "give such a site the mean of its elements' vectors, weighted by occupancy"                            \
    }

/* Apply that choice to a model. */
rcr_status rcr_choose_disorder(rcr_model *model, int32_t choice, rcr_error *err);

/* Take over the choices. */
void rcr_graph_args_finish(rcr_graph_args *graph);

/* "none" or "reference"; "cut" or "keep". */
const char *rcr_padding_name(rcr_padding padding);
const char *rcr_ties_name(rcr_ties ties);

#endif
