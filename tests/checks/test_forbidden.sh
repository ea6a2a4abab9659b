#!/usr/bin/env bash
# What the library must not do: end the process, print, allocate around base/mem.h, depend on the locale, touch signals.
# Comments and strings are not looked at, except for printf formats of floating-point numbers.
set -u
cd "$RECRYST_SOURCE" || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# The C files below a folder as lines FILE:NUMBER:TEXT, without comments: in $dir/text, and without the content of strings in
# $dir/code.  All in one go: a process for each file takes a hundred times as long.
strip() {
    find "$1" \( -name '*.c' -o -name '*.h' -o -name '*.cpp' \) -print0 | sort -z | xargs -0 awk -v code="$dir/code" -v text="$dir/text" '
        FNR == 1 { comment = 0; quote = "" }
        {
            line = $0; bare = full = ""; n = length(line)
            for (i = 1; i <= n; i++) {
                c = substr(line, i, 1); two = substr(line, i, 2)
                if (comment) { if (two == "*/") { comment = 0; i++ } continue }
                if (quote != "") {
                    if (c == "\\") { full = full two; i++; continue }
                    if (c == quote) { quote = ""; bare = bare c }
                    full = full c
                    continue
                }
                if (two == "/*") { comment = 1; i++; continue }
                if (two == "//") break
                if (c == "\"" || c == "\047") quote = c
                bare = bare c; full = full c
            }
            if (quote != "" && substr(line, n, 1) != "\\") quote = ""
            print FILENAME ":" FNR ":" bare >code
            print FILENAME ":" FNR ":" full >text
        }'
}

failed=0
complain() { # what, regular expression, code or text, files that may
    local hits
    hits=$(grep -E "^[^:]*:[0-9]+:(.*[^A-Za-z0-9_.>])?($2)" "$dir/$3" | grep -vE "^[^:]*/($4)[^:]*:") || return 0
    printf '%s\n' "$hits"
    echo "^ $1"
    failed=1
}
call() { echo "($1)[[:space:]]*\("; }
none='no such file'

scan() {
    strip "$1"
    complain "depends on the locale, or overflows" \
        "$(call 'setlocale|strtod|strtof|strtold|atof|atoi|atol|sprintf|vsprintf|strcat|gets')" code "$none"
    complain "rand is global state; base/rng.h" "$(call 'rand|srand|random|drand48|rand_r')" code "$none"
    complain "the library never ends the process" "$(call 'exit|_exit|_Exit|quick_exit|abort|atexit')" code 'cli/'
    complain "the library never prints" "$(call 'printf|vprintf|puts|putchar|perror|psignal')|(stdout|stderr)([^A-Za-z0-9_]|$)" code 'cli/'
    complain "the library never touches signals, environment or working directory" \
        "$(call 'signal|sigaction|raise|alarm|setenv|putenv|unsetenv|chdir|umask|fesetround|system|popen')" code 'cli/'
    # Messages (rcr_fail) may use %g; what is read or written as data may not.
    complain "numbers are read and written by base/text.h, whatever the locale" \
        '[A-Za-z0-9_]*(printf|scanf)[[:space:]]*\(.*"[^"]*%[-+ #0-9.*]*l?[aefgAEFG][^"]*"' text 'cli/|base/text\.c'
    complain "allocate through base/mem.h" \
        "$(call 'malloc|calloc|realloc|free|strdup|strndup|asprintf|vasprintf|getline|aligned_alloc|posix_memalign')" code 'cli/|base/mem\.c'
}

scan src
[ $failed -eq 0 ] || exit 1
grep -q '^src/base/mem.c:.*malloc *(' "$dir/code" && grep -q '^src/cli/.*printf' "$dir/code" || {
    echo "the sources were not looked at"
    exit 1
}

# The check itself: each planted breach must be found, and nothing in comments, strings or other names.
plant() { # 0 or 1, file, text
    rm -rf "$dir/src"
    mkdir -p "$dir/src/$(dirname "$2")"
    printf '%s\n' "$3" >"$dir/src/$2"
    failed=0
    scan "$dir/src" >/dev/null
    [ $failed -eq "$1" ] || {
        echo "the check is wrong about: $3"
        exit 1
    }
}
plant 1 base/planted.c 'void f(void) { exit(1); }'
plant 1 base/planted.c 'exit(1);'
plant 1 base/planted.c 'void f(void) { fprintf(stderr, "x"); }'
plant 1 base/planted.h 'static FILE *f = stdout'
plant 1 base/planted.c 'void *f(void) { return malloc (3); }'
plant 1 base/planted.cpp 'double f(const char *s) { return strtod(s, 0); }'
plant 1 base/planted.c 'void f(char *s, double x) { snprintf(s, 9, "%.3f", x); }'
plant 1 base/planted.c 'int f(void) { return g() ? rand() : 0; }'
plant 1 cli/planted.c 'int f(void) { return atoi("1"); }'
plant 0 cli/planted.c 'int f(void) { return printf("%g", 1.0), exit(1), malloc(3); }'
plant 0 base/text.c 'void f(char *s, double x) { snprintf(s, 9, "%.3f", x); }'
plant 1 base/text.c 'void f(void) { free(x); }'
plant 0 base/mem.c 'void f(void) { free(x); }'
plant 0 base/planted.c 'void f(void) { /* exit(1); */ rcr_free(x); y->free(z); } // abort()'
plant 0 base/planted.c 'const char *f(void) { return "exit(1) \" abort()"; }'
plant 0 base/planted.c 'void f(rcr_error *e) { rcr_fail(e, 1, "%g", 1.0); }'
exit 0
