# sh check_of_check.sh COMPILER FLAGS...: check.sh accepts a good case and refuses each kind of bad one.
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# verdict NAME WANTED COMPILER FLAGS...: reads a case, wants check.sh to accept or refuse it
verdict() {
    name=$1 wanted=$2
    shift 2
    cat > "$work/$name.cpp"
    if sh "$here/check.sh" "$work/$name.cpp" "$@" > "$work/$name.log"; then got=accept; else got=refuse; fi
    if [ $got != "$wanted" ]; then
        echo "$name: wanted $wanted, got $got"
        cat "$work/$name.log"
        failed=1
    fi
}

verdict good accept "$@" <<'CASE'
// expect: a reader of this sees why
#ifndef FIXED
static_assert(sizeof(int) == 0, "a reader of this sees why");
#endif
CASE
verdict compiles refuse "$@" <<'CASE'
// expect: something
CASE
verdict other_message refuse "$@" <<'CASE'
// expect: a reader of this sees why
#ifndef FIXED
static_assert(sizeof(int) == 0, "something else");
#endif
CASE
verdict not_fixed refuse "$@" <<'CASE'
// expect: a reader of this sees why
static_assert(sizeof(int) == 0, "a reader of this sees why");
CASE
verdict no_expectation refuse "$@" <<'CASE'
static_assert(sizeof(int) == 0, "a reader of this sees why");
CASE
exit $failed
