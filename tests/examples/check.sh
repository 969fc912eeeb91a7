#!/bin/sh
# check.sh PROGRAM EXPECTED ARGS...    runs an example in an empty folder: it must succeed, write the pictures that it
#                                      says it wrote, and print the text in EXPECTED to the letter (-: any text)
# check.sh --refuses PROGRAM ARGS...   the arguments are nonsense: exit code 2, one line that says what is wrong, and
#                                      nothing else
set -u
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

program=$1
expected=$2
shift 2
(cd "$folder" && "$program" "$@" > out) || fail "$program $* failed: $(cat "$folder/out")"
for word in $(sed -n 's/^wrote //p' "$folder/out" | tr -d ','); do
    case $word in *.png) [ -s "$folder/$word" ] || fail "there is no $word" ;; esac
done
if [ "$expected" = - ]; then
    cat "$folder/out"
else
    diff "$expected" "$folder/out" || fail "< was expected, > was printed"
fi
