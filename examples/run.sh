#!/bin/sh
# sh examples/run.sh              builds and runs `digits`
# sh examples/run.sh NAME ARGS    builds and runs another example; ARGS go to it (--help lists its options)
# sh examples/run.sh all          all of them, in reading order
# sh examples/run.sh build        builds them all and runs none
# sh examples/run.sh list         their names
#
# Installs what is missing (Debian 12), builds in build/examples, and can be run again quickly.
set -u
reading_order="first_sample known_answer forward_process heights_weights robot_policy your_own_denoiser your_own_tensor
    your_own_loop your_own_schedule your_own_layer same_seed how_a_unet_learns checkerboard trained_by_others digits
    compare_solvers sohl_dickstein_2015 flow_matching edm ddim_table ddpm_2020 improved_ddpm ncsn score_sde discrete
    manifold"

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/.ci/build.sh"

# The examples that exist: the known ones in reading order, then the others.
exists() { [ -f "$root/examples/$1.cpp" ]; }
names=
for name in $reading_order; do
    if exists "$name"; then names="$names $name"; fi
done
for file in "$root"/examples/*.cpp; do
    name=$(basename "$file" .cpp)
    case " $(echo $names) " in
    *" $name "*) ;;
    *) if exists "$name"; then names="$names $name"; fi ;;
    esac
done

name=${1:-digits}
[ $# = 0 ] || shift
case $name in
-h | --help)
    sed -n '2,/^#$/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
list)
    printf '%s\n' $names
    exit 0
    ;;
all | build) ;;
*)
    if ! exists "$name"; then
        say "There is no example called $name. There are:" >&2
        printf '    %s\n' $names >&2
        exit 1
    fi
    names=$name
    ;;
esac

sh "$root/.ci/packages.sh" build eigen xtensor io || exit 1
folder=$root/build/examples
say "Building $(echo $names)"
# A warning of a compiler that we have not met keeps nobody from running an example; among the tests it is an error.
# shellcheck disable=SC2086
{
    configure "$folder" --compile-no-warning-as-error -DCMAKE_BUILD_TYPE=Release -DDIFFUSION_BUILD_TESTS=OFF -DDIFFUSION_BUILD_BENCHMARKS=OFF &&
        build "$folder" $names
} || exit 1

[ "$name" != build ] || exit 0
if [ "$name" != all ]; then
    exec "$folder/examples/$name" "$@" # the example takes our place, so Ctrl-C is its own
fi
failed=
for name in $names; do
    say
    say "== $name"
    program=$folder/examples/$name
    case $name in # the network of the one is compared by the other
    digits) "$program" --save "$folder/digits.safetensors" "$@" ;;
    compare_solvers) "$program" --load "$folder/digits.safetensors" "$@" ;;
    *) "$program" "$@" ;;
    esac || failed="$failed $name"
done
[ -z "$failed" ] || {
    say "failed:$failed"
    exit 1
}
