# sh check.sh INCLUDE_DIR: every header includes only what its layer may include. The table below is the
# architecture; a new folder under include/diffusion needs a line here.
cd "$1" || exit 1
find diffusion -name '*.hpp' | LC_ALL=C sort | xargs awk '
BEGIN {
    # layer: the layers that it may include, beside its own files
    may["base"]      = ""                                             # version, assert, detail/
    may["tensor"]    = "base"
    may["random"]    = "base tensor"
    may["schedule"]  = "base"                                         # schedules, grids and rules are numbers
    may["grid"]      = "base schedule"
    may["kernel"]    = "base tensor random schedule grid"
    may["denoiser"]  = "base tensor random schedule grid"
    may["objective"] = "base tensor random schedule grid kernel denoiser"  # training needs the preconditioning
    may["rule"]      = "base schedule grid kernel denoiser objective"
    may["sampler"]   = "base tensor random schedule grid kernel denoiser objective rule"
    numbers          = "schedule grid rule"                           # reach no tensor, however far one follows
    core             = "base tensor random schedule grid kernel denoiser objective rule sampler"
    may["toy"]        = core                                          # models whose answers are known
    may["sde"]        = core
    may["likelihood"] = core " sde"
    may["discrete"]   = core
    may["manifold"]   = core                                          # where data lies, and how one measures it
    core_and_theory   = core " toy sde likelihood discrete manifold"
    may["umbrella"]  = core_and_theory                                # diffusion.hpp, all.hpp
    may["eigen"]     = "base tensor"                                  # the headers that know a tensor library
    may["xtensor"]   = "base tensor"
    may["nn"]        = core " eigen"                                  # nn/ and io/ stand beside the core
    may["io"]        = core
    may["bridge"]    = core " eigen nn io"                            # a network in a file: the one way between
    may["trainer"]   = core_and_theory " eigen nn"
    may["training_files"] = core_and_theory " eigen nn io bridge trainer"        # checkpoints, pictures to train on

    # foreign headers: who may include them
    owner["Eigen"] = "eigen nn"
    owner["unsupported"] = "eigen nn"
    owner["xtensor"] = owner["xtl"] = "xtensor"
    owner["zlib.h"] = owner["nlohmann"] = owner["stb"] = "io"
    # slow to include, so kept out of the core
    owner["iostream"] = owner["random"] = owner["functional"] = owner["ranges"] = "nn io"
}

function layer_of(file) {
    if (file ~ /^diffusion\/(tensor|detail)\/eigen\.hpp$/) return "eigen"
    if (file ~ /^diffusion\/(tensor|detail)\/xtensor\.hpp$/) return "xtensor"
    if (file ~ /^diffusion\/detail\// || file ~ /^diffusion\/(version|assert)\.hpp$/) return "base"
    if (file ~ /^diffusion\/(diffusion|all)\.hpp$/) return "umbrella"
    if (file == "diffusion/nn/safetensors.hpp") return "bridge"
    if (file ~ /^diffusion\/trainer\/(checkpoint|image_files)\.hpp$/) return "training_files"
    sub(/^diffusion\//, "", file)
    sub(/\/.*/, "", file)
    return file
}

function listed(word, list) { return index(" " list " ", " " word " ") > 0 }

function complain(text) {
    print FILENAME ":" FNR ": " text
    bad = 1
}

FNR == 1 {
    files[++count] = FILENAME
    layer = layer_of(FILENAME)
    if (!(layer in may)) complain("unknown layer \"" layer "\": give it a line in tests/layering/check.sh")
}

/^[ \t]*#[ \t]*include[ \t]*("|<.*\.\.)/ { complain("write the include as <diffusion/...>") }

/^[ \t]*#[ \t]*include[ \t]*</ {
    included = $0
    sub(/^[^<]*</, "", included)
    sub(/>.*/, "", included)
    if (included ~ /^diffusion\//) {
        edges[FILENAME] = edges[FILENAME] " " included
        below = layer_of(included)
        if (below != layer && !listed(below, may[layer]))
            complain(layer " may not include <" included ">, which is " below)
    } else {
        key = included
        sub(/\/.*/, "", key)
        if (key in owner && !listed(layer, owner[key])) complain(layer " may not include <" included ">")
    }
}

# Walks the include graph from `start`: no way leads back to it.
function walk(file, path, i, n, next_files) {
    n = split(edges[file], next_files, " ")
    for (i = 1; i <= n; ++i) {
        if (next_files[i] == start) {
            print start ": includes itself:" path " " next_files[i]
            bad = 1
        } else if (!((start, next_files[i]) in seen)) {
            seen[start, next_files[i]] = 1
            if (listed(layer_of(start), numbers) && listed(layer_of(next_files[i]), "tensor random")) {
                print start ": computes with numbers only, but reaches a tensor:" path " " next_files[i]
                bad = 1
            }
            walk(next_files[i], path " " next_files[i])
        }
    }
}

END {
    for (f = 1; f <= count; ++f) {
        start = files[f]
        walk(start, "")
    }
    if (!count) print "no headers"
    exit bad || !count
}'
