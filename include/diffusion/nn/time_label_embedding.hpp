#pragma once

#include <cstddef>
#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/embedding.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/time_embedding.hpp>
#include <span>
#include <utility>

namespace diffusion::nn {

/// What conditions every block of a network: SiLU(te2(SiLU(te0(sinusoids of t))) + label), with the
/// parameters te.0, te.2 and, if there are classes, label (Ho et al. 2020, appendix B; Dhariwal and
/// Nichol 2021). The label `classes` means "no label".
template <class T>
struct time_label_embedding {
    time_embedding_options time;
    std::size_t classes = 0;
    linear_layer<T> te0, te2;
    embedding_layer<T> label;

    time_label_embedding() = default;

    /// `channels`: of the result; classes = 0: the time alone.
    time_label_embedding(parameters<T>& store, const time_embedding_options& of_time,
                         std::size_t channels, std::size_t number_of_classes)
        : time(of_time),
          classes(number_of_classes),
          te0(store, "te.0", of_time.channels, channels),
          te2(store, "te.2", channels, channels) {
        if (classes > 0) label = {store, "label", classes + 1, channels};
    }

    /// {items, 1, 1, channels}. `t`: one time for each item or one for all; labels likewise, or
    /// none, which means the null label; both stay in place until `backward`.
    var<T> operator()(nn::tape<T>& tape, std::size_t items, std::span<const double> t,
                      std::span<const std::size_t> labels) const {
        diffusion::detail::require(labels.empty() || classes > 0,
                                   "diffusion::nn::time_label_embedding",
                                   "labels need a net with classes", labels.size());
        var<T> e = te2(silu(te0(time_embedding(tape, items, t, time))));
        if (classes > 0) {
            if (labels.empty()) labels = {&classes, 1};  // the null label, for all
            e = add(std::move(e), label(tape, items, labels));
        }
        return silu(e);
    }
};

}  // namespace diffusion::nn
