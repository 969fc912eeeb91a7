#pragma once

/// Small networks that train on a laptop's processor: a tape for gradients, layers, a U-Net,
/// optimisers. Reading order: shape, tape, elementwise, convolution, group_norm, unet, parallel,
/// optimizer. Needs threads. File formats are apart, in safetensors.hpp.
///
/// A layer of your own is a function in twenty lines. It computes its result at once, and leaves on
/// the tape how a gradient goes back through it:
///
///     template <class T>
///     var<T> layer_scale(const var<T>& x, const var<T>& gain) {  // y = gain x for each channel
///         const std::size_t n = x.size(), c = x.shape().channels;
///         const var<T> y = x.tape().result(x.shape(), x, gain);  // a new value that needs these
///         for (std::size_t i = 0; i < n; ++i) y.fill()[i] = gain.data()[i % c] * x.data()[i];
///         x.tape().record(y, [n, c, x, gain, dx = adjoint_slot<T>(x),
///                             dgain = adjoint_slot<T>(gain)](const adjoint_slot<T>& dy) {
///             if (dx.wanted()) {  // dL/dx = gain dL/dy
///                 T* to = dx.write_zeroed();
///                 for (std::size_t i = 0; i < n; ++i) to[i] += gain.data()[i % c] * dy.read()[i];
///             }
///             if (dgain.wanted()) {  // dL/dgain = sum of x dL/dy
///                 T* to = dgain.write_zeroed();
///                 for (std::size_t i = 0; i < n; ++i) to[i % c] += x.data()[i] * dy.read()[i];
///             }
///         });
///         return y;
///     }
///
/// What the adjoint reads it captures: values as `var`, which keeps them in memory until then, and
/// gradients as `adjoint_slot`, which keeps nothing. It adds to a slot, as another reader of x may
/// have been there, and only if the slot is `wanted`. Parameters come from `parameters::add`, once,
/// and as values from `tape::use`, each time. The test that a layer needs compares its gradients
/// with finite differences, in double, over odd shapes, its inputs read twice:
/// examples/your_own_layer.cpp is all of it, and tests/nn/gradient_check.hpp does it in a line.

#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/attention.hpp>
#include <diffusion/nn/attention_map.hpp>
#include <diffusion/nn/autoencoder_kl.hpp>
#include <diffusion/nn/binomial_loss.hpp>
#include <diffusion/nn/captions.hpp>
#include <diffusion/nn/checkpoint.hpp>
#include <diffusion/nn/concat.hpp>
#include <diffusion/nn/conditions.hpp>
#include <diffusion/nn/convolution.hpp>
#include <diffusion/nn/differentiable.hpp>
#include <diffusion/nn/dit.hpp>
#include <diffusion/nn/dropout.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/ema.hpp>
#include <diffusion/nn/embedding.hpp>
#include <diffusion/nn/gate.hpp>
#include <diffusion/nn/group_norm.hpp>
#include <diffusion/nn/inference.hpp>
#include <diffusion/nn/jvp.hpp>
#include <diffusion/nn/jvp_group_norm.hpp>
#include <diffusion/nn/latents.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/logistic_logits.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/mean_variance_loss.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/name_map.hpp>
#include <diffusion/nn/noisy_classifier.hpp>
#include <diffusion/nn/normalisation.hpp>
#include <diffusion/nn/optimizer.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/positions.hpp>
#include <diffusion/nn/pseudo_huber.hpp>
#include <diffusion/nn/rearrange.hpp>
#include <diffusion/nn/reparameterize.hpp>
#include <diffusion/nn/resample.hpp>
#include <diffusion/nn/row_loss.hpp>
#include <diffusion/nn/schedule_rate.hpp>
#include <diffusion/nn/sliced_score.hpp>
#include <diffusion/nn/smooth.hpp>
#include <diffusion/nn/softmax.hpp>
#include <diffusion/nn/spade.hpp>
#include <diffusion/nn/state_predictor.hpp>
#include <diffusion/nn/summary.hpp>
#include <diffusion/nn/tape.hpp>
#include <diffusion/nn/time_embedding.hpp>
#include <diffusion/nn/time_label_embedding.hpp>
#include <diffusion/nn/torch_layout.hpp>
#include <diffusion/nn/transformer.hpp>
#include <diffusion/nn/unet.hpp>
#include <diffusion/nn/untold.hpp>
#include <diffusion/nn/variance_loss.hpp>
#include <diffusion/nn/vector_math.hpp>
#include <diffusion/nn/vjp.hpp>
