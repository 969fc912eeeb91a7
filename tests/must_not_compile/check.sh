# sh check.sh CASE COMPILER FLAGS...
#
# A case starts with the line "// expect: TEXT". It passes if it does not compile and the messages contain TEXT,
# and if it does compile with -DFIXED: so it fails for the reason it states and for no other. A second line
# "// needs: diffusion::eigen" skips the case where that part of the library is missing.
case=$1
shift

expected=$(sed -n '1s|^// expect: *||p' "$case")
if [ -z "$expected" ]; then
    echo "$case: the first line must be: // expect: TEXT"
    exit 1
fi

if messages=$("$@" "$case" 2>&1); then
    echo "$case: compiles, but should be refused with: $expected"
    exit 1
fi
# compilers may break or quote nothing inside a static_assert's text, so a plain search is enough
if ! printf '%s\n' "$messages" | grep -qF -- "$expected"; then
    echo "$case: is refused, but without the text: $expected"
    printf '%s\n' "$messages"
    exit 1
fi
if ! messages=$("$@" -DFIXED "$case" 2>&1); then
    echo "$case: must compile with -DFIXED"
    printf '%s\n' "$messages"
    exit 1
fi
