# sh check_of_check.sh INCLUDE_DIR: check.sh refuses each kind of violation when one is planted.
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# refused FILE LINE TEXT: with LINE in FILE, the check fails and says TEXT
refused() {
    rm -rf "$work/diffusion"
    cp -r "$include/diffusion" "$work/"
    mkdir -p "$work/$(dirname "$1")"
    printf '%s\n' "$2" >> "$work/$1"
    if messages=$(sh "$here/check.sh" "$work"); then
        echo "not refused: $2 in $1"
        failed=1
    elif ! printf '%s\n' "$messages" | grep -qF -- "$3"; then
        echo "refused, but without \"$3\": $2 in $1"
        printf '%s\n' "$messages"
        failed=1
    fi
}

include=$1
refused diffusion/schedule/planted.hpp '#include <diffusion/sampler/sample.hpp>' 'schedule may not include'
refused diffusion/kernel/planted.hpp '#include <diffusion/rule/rule.hpp>' 'kernel may not include'
refused diffusion/denoiser/planted.hpp '#  include <diffusion/kernel/forward.hpp>' 'denoiser may not include'
refused diffusion/tensor/planted.hpp '#include <diffusion/random/philox.hpp>' 'tensor may not include'
refused diffusion/sampler/planted.hpp '#include <diffusion/nn/tape.hpp>' 'sampler may not include'
refused diffusion/sampler/planted.hpp '#include <diffusion/tensor/eigen.hpp>' 'sampler may not include'
refused diffusion/nn/planted.hpp '#include <diffusion/io/png.hpp>' 'nn may not include'
refused diffusion/nn/planted.hpp '#include <diffusion/nn/safetensors.hpp>' 'nn may not include'
refused diffusion/io/planted.hpp '#include <diffusion/nn/tape.hpp>' 'io may not include'
refused diffusion/nn/planted.hpp '#include <diffusion/trainer/trainer.hpp>' 'nn may not include'
refused diffusion/trainer/planted.hpp '#include <diffusion/io/png.hpp>' 'trainer may not include'
refused diffusion/trainer/planted.hpp '#include <diffusion/trainer/checkpoint.hpp>' 'trainer may not include'
refused diffusion/nn/safetensors.hpp '#include <diffusion/trainer/trainer.hpp>' 'bridge may not include'
refused diffusion/diffusion.hpp '#include <diffusion/tensor/xtensor.hpp>' 'umbrella may not include'
refused diffusion/grid/planted.hpp '#include <Eigen/Core>' 'grid may not include'
refused diffusion/tensor/eigen.hpp '#include <xtensor/xarray.hpp>' 'eigen may not include'
refused diffusion/random/planted.hpp '#include <random>' 'random may not include'
refused diffusion/sampler/planted.hpp ' # include <iostream>' 'sampler may not include'
refused diffusion/rule/planted.hpp '#include "rule.hpp"' 'write the include as'
refused diffusion/elsewhere/planted.hpp '#include <vector>' 'unknown layer'
refused diffusion/rule/planted.hpp '#include <diffusion/tensor/std.hpp>' 'rule may not include'
refused diffusion/rule/planted.hpp '#include <diffusion/kernel/q_sample.hpp>' 'reaches a tensor'
refused diffusion/detail/planted.hpp '#include <diffusion/tensor/std.hpp>' 'base may not include'
refused diffusion/grid/planted.hpp '#include <diffusion/detail/../random/philox.hpp>' 'write the include as'
refused diffusion/kernel/planted.hpp '#include <diffusion/kernel/planted.hpp>' 'includes itself'
exit $failed
