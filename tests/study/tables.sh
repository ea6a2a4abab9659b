# Reading a study's tables in shell tests: source it after cli/support.sh.
# without FILE COLUMN...: a table without some columns; quoted fields have no quotation mark within.
without() {
    awk -v drop="$(shift && echo "$*")" 'BEGIN { n = split(drop, name, " ") }
        function cut(line, field,   k, at) { k = 0
            while (match(line, /^("[^"]*"|[^,]*)(,|$)/)) { at = substr(line, RSTART, RLENGTH); line = substr(line, RLENGTH + 1)
                comma = sub(/,$/, "", at); field[++k] = at; if (!comma) break }
            return k }
        { k = cut($0, field) }
        NR == 1 { for (i = 1; i <= k; i++) for (j = 1; j <= n; j++) if (field[i] == name[j]) gone[i] = 1 }
        { out = ""; for (i = 1; i <= k; i++) if (!(i in gone)) out = out (out == "" ? "" : "|") field[i]; print out }' "$1"
}
