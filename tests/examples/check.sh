#!/bin/sh
# check.sh PROGRAM EXPECTED ARGS...    runs an example in an empty folder: it must succeed, write the pictures that it
#                                      says it wrote, and print the text in EXPECTED to the letter (-: any text)
# check.sh --bounds BOUNDS PROGRAM ARGS...   the same, and the numbers that it prints keep within the file BOUNDS, whose
#                                      lines are "PATTERN | OP | NUMBER": the group of the regular expression PATTERN is
#                                      a number that is < <= > or >= NUMBER wherever a line matches, and one does;
#                                      lines that begin with # say why
# check.sh --refuses PROGRAM ARGS...   the arguments are nonsense: exit code 2, one line that says what is wrong, and
#                                      nothing else
set -u
tab=$(printf '\t')
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

if [ "$1" = --refuses ]; then
    shift
    program=$1
    shift
    (cd "$folder" && "$program" "$@" > out 2> err < /dev/null)
    code=$?
    cat "$folder/err"
    [ $code = 2 ] || fail "exit code 2 was expected, got $code"
    [ ! -s "$folder/out" ] || fail "nothing but the message was expected, got: $(cat "$folder/out")"
    [ "$(wc -l < "$folder/err")" -eq 1 ] || fail "a message of one line was expected"
    [ "$(ls "$folder")" = "$(printf 'err\nout')" ] || fail "a file was left behind"
    exit 0
fi

bounds=
if [ "$1" = --bounds ]; then
    bounds=$2
    program=$3
    expected=-
    shift 3
else
    program=$1
    expected=$2
    shift 2
fi
(cd "$folder" && "$program" "$@" > out) || fail "$program $* failed: $(cat "$folder/out")"
for word in $(sed -n 's/^wrote //p' "$folder/out" | tr -d ','); do
    case $word in *.png) [ -s "$folder/$word" ] || fail "there is no $word" ;; esac
done
if [ "$expected" = - ]; then
    cat "$folder/out"
else
    diff "$expected" "$folder/out" || fail "< was expected, > was printed"
fi

[ -n "$bounds" ] || exit 0
failed=0
checked=0
while IFS= read -r line || [ -n "$line" ]; do
    case $line in '' | '#'*) continue ;; esac
    number=${line##* | }
    rest=${line% | *}
    op=${rest##* | }
    pattern=${rest% | *}
    checked=$((checked + 1))
    sed -nE "s${tab}.*$pattern.*${tab}\\1${tab}p" "$folder/out" > "$folder/found" || fail "no pattern: $pattern"
    awk -v op="$op" -v number="$number" -v line="$line" '
        function ok(x) {
            return op == "<" ? x < number : op == "<=" ? x <= number : op == ">" ? x > number : x >= number
        }
        op !~ /^[<>]=?$/ || number !~ /^[-+]?[0-9.]+(e[-+]?[0-9]+)?$/ { bad = 1; print "no bound: " line; exit }
        $1 !~ /^[-+]?[0-9.]+(e[-+]?[0-9]+)?$/ || !ok($1 + 0) { bad = 1; print "found " $1 " for " line }
        END { if (!NR) print "nothing matches " line; exit bad || !NR }' "$folder/found" || failed=1
done < "$bounds"
[ $checked -gt 0 ] || fail "$bounds holds no bound"
exit $failed
