#!/usr/bin/env bash
# What the library must not do: end the process, print, allocate around base/mem.h, depend on the locale, touch signals.
# Comments and strings are not looked at, except for printf formats of floating-point numbers.
set -u
cd "$RECRYST_SOURCE" || exit 1

# The C file without comments; with strings=0 also without the content of strings.
stripped() {
    awk -v strings="$2" '
        {
            line = $0; out = ""; n = length(line)
            for (i = 1; i <= n; i++) {
                c = substr(line, i, 1); two = substr(line, i, 2)
                if (comment) { if (two == "*/") { comment = 0; i++ } continue }
                if (quote != "") {
                    if (c == "\\") { if (strings) out = out two; i++; continue }
                    if (c == quote) { quote = ""; out = out c } else if (strings) out = out c
                    continue
                }
                if (two == "/*") { comment = 1; i++; continue }
                if (two == "//") break
                if (c == "\"" || c == "\047") quote = c
                out = out c
            }
            if (quote != "" && substr(line, n, 1) != "\\") quote = ""
            print out
        }' "$1"
}

failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# The file in hand, stripped, lies in $dir/code (without strings) and $dir/text (with them).
complain() { # file, what, regular expression, code or text
    local hits
    hits=$(grep -nE "$3" "$dir/$4") || return 0
    printf '%s\n' "$hits" | sed "s|^|$1:|"
    echo "^ $2"
    failed=1
}
call() { echo "(^|[^A-Za-z0-9_.>])($1)[[:space:]]*\("; }

scan() {
    local file
    for file in $(find "$1" -name '*.c' -o -name '*.h' -o -name '*.cpp' | sort); do
        stripped "$file" 0 >"$dir/code"
        stripped "$file" 1 >"$dir/text"
        complain "$file" "depends on the locale, or overflows" \
            "$(call 'setlocale|strtod|strtof|strtold|atof|atoi|atol|sprintf|vsprintf|strcat|gets')" code
        complain "$file" "rand is global state; base/rng.h" "$(call 'rand|srand|random|drand48|rand_r')" code
        case "$file" in */cli/*) continue ;; esac
        complain "$file" "the library never ends the process" "$(call 'exit|_exit|_Exit|quick_exit|abort|atexit')" code
        complain "$file" "the library never prints" \
            "$(call 'printf|vprintf|puts|putchar|perror|psignal')|(^|[^A-Za-z0-9_])(stdout|stderr)([^A-Za-z0-9_]|$)" code
        complain "$file" "the library never touches signals, environment or working directory" \
            "$(call 'signal|sigaction|raise|alarm|setenv|putenv|unsetenv|chdir|umask|fesetround|system|popen')" code
        # Messages (rcr_fail) may use %g; what is read or written as data may not.
        case "$file" in */base/text.c) ;; *)
            complain "$file" "numbers are read and written by base/text.h, whatever the locale" \
                '(printf|scanf)[[:space:]]*\(.*"[^"]*%[-+ #0-9.*]*l?[aefgAEFG][^"]*"' text
            ;;
        esac
        case "$file" in */base/mem.c) continue ;; esac
        complain "$file" "allocate through base/mem.h" \
            "$(call 'malloc|calloc|realloc|free|strdup|strndup|asprintf|vasprintf|getline|aligned_alloc|posix_memalign')" code
    done
}

scan src
[ $failed -eq 0 ] || exit 1

# The check itself: each planted breach must be found, and nothing in comments, strings or other names.
mkdir -p "$dir/src/base"
plant() {
    printf '%s\n' "$2" >"$dir/src/base/planted.c"
    failed=0
    scan "$dir/src" >/dev/null
    [ $failed -eq "$1" ] || {
        echo "the check is wrong about: $2"
        exit 1
    }
}
plant 1 'void f(void) { exit(1); }'
plant 1 'void f(void) { fprintf(stderr, "x"); }'
plant 1 'void *f(void) { return malloc (3); }'
plant 1 'double f(const char *s) { return strtod(s, 0); }'
plant 1 'void f(char *s, double x) { snprintf(s, 9, "%.3f", x); }'
plant 1 'int f(void) { return g() ? rand() : 0; }'
plant 0 'void f(void) { /* exit(1); */ rcr_free(x); y->free(z); } // abort()'
plant 0 'const char *f(void) { return "exit(1) \" abort()"; }'
exit 0
