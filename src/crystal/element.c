#include "crystal/element.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"

static const char symbols[RCR_MAX_ATOMIC_NUMBER + 1][3] = {
    "",   "H",  "He", "Li", "Be", "B",  "C",  "N",  "O",  "F",  "Ne", "Na", "Mg", "Al", "Si", "P",  "S",
    "Cl", "Ar", "K",  "Ca", "Sc", "Ti", "V",  "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As",
    "Se", "Br", "Kr", "Rb", "Sr", "Y",  "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn",
    "Sb", "Te", "I",  "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho",
    "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W",  "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po",
    "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U",  "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md",
    "No", "Lr", "Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og"};

const char *rcr_element_symbol(int atomic_number) {
    return atomic_number >= 1 && atomic_number <= RCR_MAX_ATOMIC_NUMBER ? symbols[atomic_number] : NULL;
}

int rcr_element_from_symbol(const char *text, size_t length) {
    if (length < 1 || length > 2) return 0;
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++)
        if (text[0] == symbols[z][0] && (length == 2 ? text[1] == symbols[z][1] : symbols[z][1] == '\0')) return z;
    return 0;
}

/* Properties of an element.  NONE: no value in the source, which leaves the property's features all zero. */
#define NONE NAN
typedef struct properties {
    int group;  /* IUPAC, 1..18; 0 for the f block, whose elements have none */
    int period; /* 1..7 */
    char block; /* of the ground state: s, p, d, f */
    int valence_electrons;
    double electronegativity; /* Pauling's scale: Haynes (ed.), CRC Handbook of Chemistry and Physics, 95th ed. 2014 */
    double covalent_radius;   /* pm, single bond: Pyykko and Atsumi, Chem. Eur. J. 15, 186 (2009) */
    double ionization_energy; /* eV, first: NIST Atomic Spectra Database, 2015 */
    double electron_affinity; /* eV: CRC Handbook, 95th ed.; Andersen, Phys. Rep. 394, 157 (2004) */
    double atomic_volume;     /* cm^3/mol, of the element as a solid or liquid; from the mendeleev package */
} properties;

/* Elements 1..100.  The numbers are those that version 0.4.1 of the mendeleev package (L. Mentel) collected from the
 * sources above; newer measurements differ in places, but published models were trained with these.  Valence electrons:
 * those of the outermost s and p orbitals; in the d block the d electrons too; in the f block the 6s or 7s pair alone.
 * Palladium (4d10, no 5s) has 12, as that count takes 4s, the last shell begun, for its outermost s orbital. */
static const properties element_properties[] = {
    {0, 0, 0, 0, NONE, NONE, NONE, NONE, NONE},             /* no element 0 */
    {1, 1, 's', 1, 2.2, 32, 13.59843401, 0.754195, 14.1},   /* H */
    {18, 1, 's', 2, NONE, 46, 24.58738794, -19.7, 31.8},    /* He */
    {1, 2, 's', 1, 0.98, 133, 5.39171476, 0.618049, 13.1},  /* Li */
    {2, 2, 's', 2, 1.57, 102, 9.322699, -2.4, 5},           /* Be */
    {13, 2, 'p', 3, 2.04, 85, 8.298019, 0.279723, 4.6},     /* B */
    {14, 2, 'p', 4, 2.55, 75, 11.260296, 1.262119, 5.3},    /* C */
    {15, 2, 'p', 5, 3.04, 71, 14.53413, -1.4, 17.3},        /* N */
    {16, 2, 'p', 6, 3.44, 63, 13.618054, 1.4611135, 14},    /* O */
    {17, 2, 'p', 7, 3.98, 64, 17.42282, 3.4011897, 17.1},   /* F */
    {18, 2, 'p', 8, NONE, 67, 21.56454, NONE, 16.8},        /* Ne */
    {1, 3, 's', 1, 0.93, 155, 5.1390767, 0.547926, 23.7},   /* Na */
    {2, 3, 's', 2, 1.31, 139, 7.646235, NONE, 14},          /* Mg */
    {13, 3, 'p', 3, 1.61, 126, 5.9857684, 0.43283, 10},     /* Al */
    {14, 3, 'p', 4, 1.9, 116, 8.151683, 1.3895211, 12.1},   /* Si */
    {15, 3, 'p', 5, 2.19, 111, 10.486686, 0.746607, 17},    /* P */
    {16, 3, 'p', 6, 2.58, 103, 10.36001, 2.07710403, 15.5}, /* S */
    {17, 3, 'p', 7, 3.16, 99, 12.96763, 3.612725, 18.7},    /* Cl */
    {18, 3, 'p', 8, NONE, 96, 15.7596112, -11.5, 24.2},     /* Ar */
    {1, 4, 's', 1, 0.82, 196, 4.34066354, 0.50147, 45.3},   /* K */
    {2, 4, 's', 2, 1, 171, 6.1131552, 0.02455, 29.9},       /* Ca */
    {3, 4, 'd', 3, 1.36, 148, 6.56149, 0.188, 15},          /* Sc */
    {4, 4, 'd', 4, 1.54, 136, 6.82812, 0.079, 10.6},        /* Ti */
    {5, 4, 'd', 5, 1.63, 134, 6.746187, 0.525, 8.35},       /* V */
    {6, 4, 'd', 6, 1.66, 122, 6.76651, 0.666, 7.23},        /* Cr */
    {7, 4, 'd', 7, 1.55, 119, 7.434018, NONE, 7.39},        /* Mn */
    {8, 4, 'd', 8, 1.83, 116, 7.9024678, 0.151, 7.1},       /* Fe */
    {9, 4, 'd', 9, 1.88, 111, 7.88101, 0.66225646, 6.7},    /* Co */
    {10, 4, 'd', 10, 1.91, 110, 7.639877, 1.156, 6.6},      /* Ni */
    {11, 4, 'd', 11, 1.9, 112, 7.72638, 1.235, 7.1},        /* Cu */
    {12, 4, 'd', 12, 1.65, 118, 9.394199, NONE, 9.2},       /* Zn */
    {13, 4, 'p', 3, 1.81, 124, 5.9993018, 0.43, 11.8},      /* Ga */
    {14, 4, 'p', 4, 2.01, 121, 7.899435, 1.232712, 13.6},   /* Ge */
    {15, 4, 'p', 5, 2.18, 121, 9.789, 0.804, 13.1},         /* As */
    {16, 4, 'p', 6, 2.55, 116, 9.752392, 2.02067, 16.5},    /* Se */
    {17, 4, 'p', 7, 2.96, 114, 11.81381, 3.3635882, 23.5},  /* Br */
    {18, 4, 'p', 8, NONE, 117, 13.9996049, NONE, 32.2},     /* Kr */
    {1, 5, 's', 1, 0.82, 210, 4.177128, 0.48592, 55.9},     /* Rb */
    {2, 5, 's', 2, 0.95, 185, 5.6948672, 0.048, 33.7},      /* Sr */
    {3, 5, 'd', 3, 1.22, 163, 6.21726, 0.307, 19.8},        /* Y */
    {4, 5, 'd', 4, 1.33, 154, 6.6339, 0.426, 14.1},         /* Zr */
    {5, 5, 'd', 5, 1.6, 147, 6.75885, 0.917406, 10.8},      /* Nb */
    {6, 5, 'd', 6, 2.16, 138, 7.09243, 0.748, 9.4},         /* Mo */
    {7, 5, 'd', 7, 2.1, 128, 7.119381, 0.55, 8.5},          /* Tc */
    {8, 5, 'd', 8, 2.2, 125, 7.3605, 1.05, 8.3},            /* Ru */
    {9, 5, 'd', 9, 2.28, 125, 7.4589, 1.137, 8.3},          /* Rh */
    {10, 5, 'd', 12, 2.2, 120, 8.33686, 0.562, 8.9},        /* Pd */
    {11, 5, 'd', 11, 1.93, 128, 7.576234, 1.302, 10.3},     /* Ag */
    {12, 5, 'd', 12, 1.69, 136, 8.993822, NONE, 13.1},      /* Cd */
    {13, 5, 'p', 3, 1.78, 142, 5.7863552, 0.3, 15.7},       /* In */
    {14, 5, 'p', 4, 1.96, 140, 7.343917, 1.112067, 16.3},   /* Sn */
    {15, 5, 'p', 5, 2.05, 140, 8.608389, 1.046, 18.4},      /* Sb */
    {16, 5, 'p', 6, 2.1, 136, 9.00966, 1.970876, 20.5},     /* Te */
    {17, 5, 'p', 7, 2.66, 133, 10.45126, 3.0590368, 25.7},  /* I */
    {18, 5, 'p', 8, 2.6, 131, 12.1298431, -0.056, 42.9},    /* Xe */
    {1, 6, 's', 1, 0.79, 232, 3.89390555, 0.471626, 70},    /* Cs */
    {2, 6, 's', 2, 0.89, 196, 5.211664, 0.14462, 39},       /* Ba */
    {0, 6, 'f', 2, 1.1, 180, 5.5769, 0.47, 22.5},           /* La */
    {0, 6, 'f', 2, 1.12, 163, 5.5386, 0.65, 21},            /* Ce */
    {0, 6, 'f', 2, 1.13, 176, 5.473, 0.962, 20.8},          /* Pr */
    {0, 6, 'f', 2, 1.14, 174, 5.525, 1.916, 20.6},          /* Nd */
    {0, 6, 'f', 2, NONE, 173, 5.582, NONE, NONE},           /* Pm */
    {0, 6, 'f', 2, 1.17, 172, 5.64371, NONE, 19.9},         /* Sm */
    {0, 6, 'f', 2, NONE, 168, 5.670385, 0.864, 28.9},       /* Eu */
    {0, 6, 'f', 2, 1.2, 169, 6.149796, NONE, 19.9},         /* Gd */
    {0, 6, 'f', 2, NONE, 168, 5.8638, 1.165, 19.2},         /* Tb */
    {0, 6, 'f', 2, 1.22, 167, 5.93905, 0.352, 19},          /* Dy */
    {0, 6, 'f', 2, 1.23, 166, 6.0215, NONE, 18.7},          /* Ho */
    {0, 6, 'f', 2, 1.24, 165, 6.1077, NONE, 18.4},          /* Er */
    {0, 6, 'f', 2, 1.25, 164, 6.18431, 1.029, 18.1},        /* Tm */
    {0, 6, 'f', 2, NONE, 170, 6.25416, -0.02, 24.8},        /* Yb */
    {3, 6, 'd', 3, 1, 162, 5.425871, 0.34, 17.8},           /* Lu */
    {4, 6, 'd', 4, 1.3, 152, 6.82507, 0.014, 13.6},         /* Hf */
    {5, 6, 'd', 5, 1.5, 146, 7.54957, 0.322, 10.9},         /* Ta */
    {6, 6, 'd', 6, 1.7, 137, 7.86403, 0.81626, 9.53},       /* W */
    {7, 6, 'd', 7, 1.9, 131, 7.83352, 0.15, 8.85},          /* Re */
    {8, 6, 'd', 8, 2.2, 129, 8.43823, 1.1, 8.43},           /* Os */
    {9, 6, 'd', 9, 2.2, 122, 8.96702, 1.5638, 8.54},        /* Ir */
    {10, 6, 'd', 10, 2.2, 123, 8.95883, 2.128, 9.1},        /* Pt */
    {11, 6, 'd', 11, 2.4, 124, 9.225553, 2.30863, 10.2},    /* Au */
    {12, 6, 'd', 12, 1.9, 133, 10.437504, NONE, 14.8},      /* Hg */
    {13, 6, 'p', 3, 1.8, 144, 6.108287, 0.377, 17.2},       /* Tl */
    {14, 6, 'p', 4, 1.8, 144, 7.4166796, 0.35674316, 18.3}, /* Pb */
    {15, 6, 'p', 5, 1.9, 151, 7.285516, 0.942362, 21.3},    /* Bi */
    {16, 6, 'p', 6, 2, 145, 8.414, 1.9, 22.7},              /* Po */
    {17, 6, 'p', 7, 2.2, 147, 9.31751, 2.8, NONE},          /* At */
    {18, 6, 'p', 8, NONE, 142, 10.7485, NONE, NONE},        /* Rn */
    {1, 7, 's', 1, 0.7, 223, 4.0727409, 0.486, NONE},       /* Fr */
    {2, 7, 's', 2, 0.9, 201, 5.278424, 0.1, 45},            /* Ra */
    {0, 7, 'f', 2, 1.1, 186, 5.380226, 0.35, 22.54},        /* Ac */
    {0, 7, 'f', 2, 1.3, 175, 6.3067, NONE, 19.8},           /* Th */
    {0, 7, 'f', 2, 1.5, 169, 5.89, NONE, 15},               /* Pa */
    {0, 7, 'f', 2, 1.7, 170, 6.19405, NONE, 12.5},          /* U */
    {0, 7, 'f', 2, 1.3, 171, 6.2655, NONE, 21.1},           /* Np */
    {0, 7, 'f', 2, 1.3, 172, 6.0258, NONE, NONE},           /* Pu */
    {0, 7, 'f', 2, NONE, 166, 5.9738, NONE, 20.8},          /* Am */
    {0, 7, 'f', 2, NONE, 166, 5.9914, NONE, 18.28},         /* Cm */
    {0, 7, 'f', 2, NONE, 168, 6.1978, NONE, NONE},          /* Bk */
    {0, 7, 'f', 2, NONE, 168, 6.2817, NONE, NONE},          /* Cf */
    {0, 7, 'f', 2, NONE, 165, 6.3676, NONE, NONE},          /* Es */
    {0, 7, 'f', 2, NONE, 167, 6.5, NONE, NONE},             /* Fm */
};

enum { N_KNOWN = sizeof element_properties / sizeof element_properties[0] - 1 };

/* The features, in order.  The published table says 18 groups and 9 periods, giving the f block a group and two periods
 * of its own; the published vectors have 19 groups (the first: none) and 7 periods, and so have these. */
enum { GROUPS = 19, PERIODS = 7, BINS = 10, VALENCES = 12, BLOCKS = 4 };
enum { N_FEATURES = GROUPS + PERIODS + BINS + BINS + VALENCES + BINS + BINS + BLOCKS + BINS };

/* Set the feature of `value` among BINS equal intervals of low .. high.  A value that is missing or outside sets none.
 * Values on a border (electronegativities of 1.2, 1.55, 1.9 and 2.6; the affinity of actinium) fall on the side that
 * rounding in double precision puts them on, so the order of the operations is part of the definition. */
static void set_bin(double *feature, double value, double low, double high) {
    double position = (value - low) / (high - low) * BINS;
    if (position >= 0 && position < BINS) feature[(int)position] = 1;
}

static void set_one(double *feature, int index, int n) {
    if (index >= 0 && index < n) feature[index] = 1;
}

static void cgcnn_features(double *feature, const properties *p) {
    static const char blocks[] = "spdf";
    set_one(feature, p->group, GROUPS);
    feature += GROUPS;
    set_one(feature, p->period - 1, PERIODS);
    feature += PERIODS;
    set_bin(feature, p->electronegativity, 0.5, 4.0);
    feature += BINS;
    set_bin(feature, p->covalent_radius, 25, 250);
    feature += BINS;
    set_one(feature, p->valence_electrons - 1, VALENCES);
    feature += VALENCES;
    set_bin(feature, log(p->ionization_energy), 1.3, 3.3);
    feature += BINS;
    set_bin(feature, p->electron_affinity, -3, 3.7);
    feature += BINS;
    set_one(feature, (int)(strchr(blocks, p->block) - blocks), BLOCKS);
    feature += BLOCKS;
    set_bin(feature, log(p->atomic_volume), 1.5, 4.3);
}

rcr_status rcr_element_table_create(rcr_element_table **out, int32_t n_features, const char *name, rcr_error *err) {
    rcr_element_table *table = rcr_calloc(1, sizeof *table);
    if (table != NULL)
        table->row = rcr_calloc((size_t)(RCR_MAX_ATOMIC_NUMBER + 1) * (size_t)n_features, sizeof *table->row);
    if (table == NULL || table->row == NULL) {
        rcr_element_table_free(table);
        return rcr_fail_memory(err, "making an element table");
    }
    table->n_features = n_features;
    snprintf(table->name, sizeof table->name, "%s", name);
    *out = table;
    return RCR_OK;
}

rcr_status rcr_element_table_cgcnn(rcr_element_table **out, rcr_error *err) {
    rcr_element_table *table;
    rcr_status status = rcr_element_table_create(&table, N_FEATURES, "cgcnn", err);
    if (status != RCR_OK) return status;
    for (int z = 1; z <= N_KNOWN; z++) {
        table->known[z] = 1;
        cgcnn_features(table->row + (size_t)z * N_FEATURES, &element_properties[z]);
    }
    *out = table;
    return RCR_OK;
}

rcr_status rcr_element_table_copy(rcr_element_table **out, const rcr_element_table *table, rcr_error *err) {
    rcr_element_table *copy;
    rcr_status status = rcr_element_table_create(&copy, table->n_features, table->name, err);
    if (status != RCR_OK) return status;
    memcpy(copy->known, table->known, sizeof copy->known);
    memcpy(copy->row, table->row, (size_t)(RCR_MAX_ATOMIC_NUMBER + 1) * (size_t)table->n_features * sizeof *copy->row);
    *out = copy;
    return RCR_OK;
}

void rcr_element_table_free(rcr_element_table *table) {
    if (table == NULL) return;
    rcr_free(table->row);
    rcr_free(table);
}
