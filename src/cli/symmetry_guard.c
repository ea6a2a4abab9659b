#include "cli/symmetry_guard.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "crystal/crystal.h"
#include "crystal/transform.h"

/* What is asked for: a group where standard is 0. */
typedef struct question {
    const rcr_crystal *crystal;
    double tolerance;
    int standard, idealize;
    rcr_cell cell;
} question;

/* ---- what goes through the pipe: status, error, then the answer's parts, as they lie in memory */

typedef struct head {
    rcr_status status;
    rcr_error error;
    int32_t n; /* sites of a standard cell */
    int32_t n_species;
} head;

typedef struct part {
    void *data;
    size_t size;
} part;

enum { MAX_PARTS = 6 };

static int group_parts(part out[MAX_PARTS], rcr_spacegroup *g) {
    size_t n = (size_t)g->n_sites;
    const part parts[] = {{g->orbit, n * sizeof *g->orbit},
                          {g->multiplicity, n * sizeof *g->multiplicity},
                          {g->wyckoff, n},
                          {g->site_symmetry, n * sizeof *g->site_symmetry}};
    memcpy(out, parts, sizeof parts);
    return 4;
}

static int crystal_parts(part out[MAX_PARTS], rcr_crystal *c, int32_t n_species) {
    size_t n = (size_t)c->n_sites, m = (size_t)n_species;
    const part parts[] = {{c->lattice, sizeof c->lattice}, {c->frac, n * sizeof *c->frac},
                          {c->atomic_number, n},           {c->species_offset, (n + 1) * sizeof *c->species_offset},
                          {c->species_number, m},          {c->species_occupancy, m * sizeof *c->species_occupancy}};
    memcpy(out, parts, sizeof parts);
    return n_species > 0 ? 6 : 3;
}

static int write_all(int fd, const void *data, size_t size) {
    const char *p = data;
    while (size > 0) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return 0;
        p += n;
        size -= (size_t)n;
    }
    return 1;
}

static int read_all(int fd, void *data, size_t size) {
    char *p = data;
    while (size > 0) {
        ssize_t n = read(fd, p, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return 0;
        p += n;
        size -= (size_t)n;
    }
    return 1;
}

/* ---- the child: answers, and ends */

static void answer(const question *q, int fd, rlim_t seconds) {
    struct rlimit limit;
    rcr_spacegroup *group = NULL;
    rcr_crystal *made = NULL;
    part parts[MAX_PARTS];
    head h;
    memset(&h, 0, sizeof h);
    if (getrlimit(RLIMIT_CPU, &limit) != 0) _exit(1);
    limit.rlim_cur = seconds;
    if (setrlimit(RLIMIT_CPU, &limit) != 0) _exit(1);
    if (q->standard)
        h.status = rcr_crystal_standardize(&made, q->crystal, q->cell, q->idealize, q->tolerance, &h.error);
    else
        h.status = rcr_spacegroup_find(&group, q->crystal, q->tolerance, &h.error);
    h.n = made != NULL ? made->n_sites : 0;
    h.n_species = made != NULL && made->species_offset != NULL ? made->species_offset[made->n_sites] : 0;
    int n = made != NULL ? crystal_parts(parts, made, h.n_species) : group != NULL ? group_parts(parts, group) : 0;
    int good = write_all(fd, &h, sizeof h);
    if (group != NULL) good = good && write_all(fd, group, sizeof *group);
    for (int i = 0; i < n && good; i++) good = write_all(fd, parts[i].data, parts[i].size);
    _exit(good ? 0 : 1);
}

/* ---- the parent */

static rcr_status read_group(rcr_spacegroup **out, const question *q, int fd, rcr_error *err) {
    part parts[MAX_PARTS];
    rcr_spacegroup *group = rcr_calloc(1, sizeof *group);
    size_t n = (size_t)q->crystal->n_sites;
    if (group == NULL) return rcr_fail_memory(err, "looking for symmetry");
    int good = read_all(fd, group, sizeof *group) && group->n_sites == q->crystal->n_sites && group->number >= 1 &&
               group->number <= 230;
    group->system = rcr_crystal_system(group->number); /* the child's pointers mean nothing here */
    group->orbit = rcr_calloc(n, sizeof *group->orbit);
    group->multiplicity = rcr_calloc(n, sizeof *group->multiplicity);
    group->wyckoff = rcr_calloc(n, 1);
    group->site_symmetry = rcr_calloc(n, sizeof *group->site_symmetry);
    int full =
        group->orbit != NULL && group->multiplicity != NULL && group->wyckoff != NULL && group->site_symmetry != NULL;
    int n_parts = good && full ? group_parts(parts, group) : 0;
    for (int i = 0; i < n_parts && good; i++) good = read_all(fd, parts[i].data, parts[i].size);
    if (good && full) {
        *out = group;
        return RCR_OK;
    }
    rcr_spacegroup_free(group);
    return full ? rcr_fail(err, RCR_ERR_IO, "the process that looks for symmetry has ended without an answer")
                : rcr_fail_memory(err, "looking for symmetry");
}

static rcr_status read_crystal(rcr_crystal **out, const question *q, const head *h, int fd, rcr_error *err) {
    part parts[MAX_PARTS];
    rcr_crystal *made;
    rcr_status status = rcr_crystal_create(&made, q->crystal->id, h->n, err);
    if (status != RCR_OK) return status;
    if (h->n_species > 0) {
        made->species_offset = rcr_calloc((size_t)h->n + 1, sizeof *made->species_offset);
        made->species_number = rcr_calloc((size_t)h->n_species, sizeof *made->species_number);
        made->species_occupancy = rcr_calloc((size_t)h->n_species, sizeof *made->species_occupancy);
        if (made->species_offset == NULL || made->species_number == NULL || made->species_occupancy == NULL)
            status = rcr_fail_memory(err, "making a standard cell");
    }
    int n = status == RCR_OK ? crystal_parts(parts, made, h->n_species) : 0;
    for (int i = 0; i < n && status == RCR_OK; i++)
        if (!read_all(fd, parts[i].data, parts[i].size))
            status = rcr_fail(err, RCR_ERR_IO, "the process that looks for symmetry has ended without an answer");
    if (status == RCR_OK)
        *out = made;
    else
        rcr_crystal_free(made);
    return status;
}

static rcr_status ask(rcr_spacegroup **group, rcr_crystal **made, const question *q, rcr_error *err) {
    int ends[2];
    struct rlimit limit;
    rlim_t seconds = RCR_SYMMETRY_SECONDS; /* or what the user grants, if that is less */
    if (getrlimit(RLIMIT_CPU, &limit) == 0 && limit.rlim_cur < seconds) seconds = limit.rlim_cur;
    if (pipe(ends) != 0)
        return rcr_fail(err, RCR_ERR_IO, "can't start a process to look for symmetry: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        /* Other children's pipes that this one has inherited would seem open to their readers. */
        for (int fd = 3; fd < 256; fd++)
            if (fd != ends[1]) close(fd);
        answer(q, ends[1], seconds);
    }
    int code = errno;
    close(ends[1]);
    rcr_status status;
    head h;
    if (child < 0) {
        status = rcr_fail(err, RCR_ERR_IO, "can't start a process to look for symmetry: %s", strerror(code));
    } else if (!read_all(ends[0], &h, sizeof h)) {
        status =
            rcr_fail(err, RCR_ERR_LIMIT,
                     "looking for symmetry takes more than %d s of processor time, as where many atoms are displaced "
                     "by about the tolerance: give another one (--symprec)",
                     (int)seconds);
    } else if (h.status != RCR_OK) {
        status = h.status;
        if (err != NULL) *err = h.error;
    } else {
        status = q->standard ? read_crystal(made, q, &h, ends[0], err) : read_group(group, q, ends[0], err);
    }
    close(ends[0]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    return status;
}

rcr_status rcr_guarded_spacegroup(rcr_spacegroup **out, const rcr_crystal *crystal, double tolerance, rcr_error *err) {
    if (crystal->n_sites <= RCR_SYMMETRY_FREE_SITES || crystal->n_sites > RCR_SYMMETRY_MAX_SITES)
        return rcr_spacegroup_find(out, crystal, tolerance, err);
    const question q = {.crystal = crystal, .tolerance = tolerance};
    return ask(out, NULL, &q, err);
}

rcr_status rcr_guarded_standardize(rcr_crystal **out, const rcr_crystal *crystal, rcr_cell cell, int idealize,
                                   double tolerance, rcr_error *err) {
    if (crystal->n_sites <= RCR_SYMMETRY_FREE_SITES || crystal->n_sites > RCR_SYMMETRY_MAX_SITES)
        return rcr_crystal_standardize(out, crystal, cell, idealize, tolerance, err);
    const question q = {crystal, tolerance, 1, idealize, cell};
    return ask(NULL, out, &q, err);
}
